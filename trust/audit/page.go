package audit

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"io"
	"strings"

	"github.com/irsa-go/irsa/internal/printable"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

// WriteHTML writes the report as one page that needs nothing else, not even a network. Its tables have
// the whole report; its script only filters them and draws what they say. Names and policies come from
// whoever wrote them: they are text to html/template and to the script, and no other script is allowed
// to run. Errors are those of w; a nil report is one too.
func (r *Report) WriteHTML(w io.Writer) error {
	if r == nil {
		return errors.New("audit: the report is nil")
	}
	t, err := template.New("audit").Funcs(template.FuncMap{"text": printable.Text, "namespace": namespaceOf}).Parse(pageHTML)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(pageScript))
	var out bytes.Buffer
	err = t.Execute(&out, struct {
		*Report
		Sections []section
		Style    template.CSS
		Script   template.JS
		Security template.HTMLAttr // https://www.w3.org/TR/CSP3/
	}{
		r, r.sections(), template.CSS(pageStyle), template.JS(pageScript),
		template.HTMLAttr(`content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-` + base64.StdEncoding.EncodeToString(sum[:]) + `'; base-uri 'none'; form-action 'none'"`),
	})
	if err == nil {
		_, err = out.WriteTo(w)
	}
	return err
}

func namespaceOf(who string) string {
	namespace, _, _ := strings.Cut(who, "/")
	return printable.Text(namespace)
}
