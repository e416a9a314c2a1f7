package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"strings"

	"github.com/irsa-go/irsa/internal/printable"
)

//go:embed audit_page.*
var pageFiles embed.FS

// page is the report as one HTML page that needs nothing else. The tables are all there is to know;
// the script only filters them and draws what they say. Names and policies come from whoever wrote
// them: they are text to html/template and to the script, and no other script is allowed to run.
func (r *auditReport) page() ([]byte, error) {
	parts := map[string]string{}
	for _, kind := range []string{"html", "css", "js"} {
		text, err := pageFiles.ReadFile("audit_page." + kind)
		if err != nil {
			return nil, err
		}
		parts[kind] = string(text)
	}
	t, err := template.New("audit").Funcs(template.FuncMap{"text": printable.Text, "namespace": namespaceOf}).Parse(parts["html"])
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(parts["js"]))
	var out bytes.Buffer
	err = t.Execute(&out, struct {
		*auditReport
		Sections []section
		Style    template.CSS
		Script   template.JS
		Security template.HTMLAttr // https://www.w3.org/TR/CSP3/
	}{
		r, r.sections(), template.CSS(parts["css"]), template.JS(parts["js"]),
		template.HTMLAttr(`content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-` + base64.StdEncoding.EncodeToString(sum[:]) + `'; base-uri 'none'; form-action 'none'"`),
	})
	return out.Bytes(), err
}

func namespaceOf(who string) string {
	namespace, _, _ := strings.Cut(who, "/")
	return printable.Text(namespace)
}
