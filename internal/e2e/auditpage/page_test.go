// Package auditpage_test opens the page of irsa audit in a browser: its filters and its graph work, by
// keyboard too, names are text and nothing else, and nothing is fetched.
package auditpage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irsa-go/irsa/internal/e2e/real"
)

const (
	host     = "oidc.eks.eu-west-1.amazonaws.com/id/A1B2C3"
	provider = "arn:aws:iam::111122223333:oidc-provider/" + host
)

// world is a cluster and an account, as their dumps have them.
type world struct{ items, roles []any }

type object = map[string]any

func (w *world) account(namespace, name string) {
	w.items = append(w.items, object{"kind": "ServiceAccount", "metadata": object{"namespace": namespace, "name": name}})
}

func (w *world) pod(namespace, name, container string) {
	w.items = append(w.items, object{"kind": "Pod", "metadata": object{"namespace": namespace, "name": name},
		"spec": object{"containers": []any{object{"name": container}}}})
}

// role trusts a sub of the cluster, with or without asking for the audience, or another role.
func (w *world) role(arn, sub, from string, audience bool) string {
	statement := object{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": object{"AWS": from}}
	if sub != "" {
		equals := object{host + ":sub": sub}
		if audience {
			equals[host+":aud"] = "sts.amazonaws.com"
		}
		statement = object{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
			"Principal": object{"Federated": provider}, "Condition": object{"StringEquals": equals}}
	}
	w.roles = append(w.roles, object{"Arn": arn, "AssumeRolePolicyDocument": object{"Version": "2012-10-17", "Statement": []any{statement}}})
	return arn
}

// page is what irsa audit writes about the world.
func (w *world) page(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]any{"cluster.json": object{"items": w.items}, "roles.json": object{"RoleDetailList": w.roles}} {
		text, err := json.Marshal(content)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	build := exec.Command("go", "build", "-o", dir, "./examples/irsa")
	build.Dir = filepath.Join("..", "..", "..")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	audit := exec.Command(filepath.Join(dir, "irsa"), "audit", "--provider", provider, "--cluster", "cluster.json", "--roles", "roles.json", "-o", "html")
	audit.Dir = dir
	page, err := audit.Output()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		require.NoError(t, err)
	}
	file := filepath.Join(dir, "page.html")
	require.NoError(t, os.WriteFile(file, page, 0o600))
	return "file://" + file
}

// browser is a tab, and what it complained about or fetched.
type browser struct {
	ctx     context.Context
	mu      sync.Mutex
	said    []string
	fetched []string
}

func open(t *testing.T, url string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		real.Need(t, fmt.Errorf("chromium: %w", err), exec.ErrNotFound)
	}
	version, err := exec.Command(path, "--version").Output()
	require.NoError(t, err)
	real.Met(t, "%s", strings.Join(strings.Fields(string(version))[:2], " "))

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &browser{ctx: ctx}
	require.NoError(t, chromedp.Do(ctx)) // starts it
	require.NoError(t, chromedp.Listen(ctx, b.listen))
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{log.Enable, runtime.Enable} {
		_, err = chromedp.Call(ctx, enable, cdp.Empty{})
		require.NoError(t, err)
	}
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	b.do(t, chromedp.Navigate(url))
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		b.said = append(b.said, string(e.Type))
	case *runtime.EventExceptionThrown:
		b.said = append(b.said, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		b.said = append(b.said, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		b.fetched = append(b.fetched, e.Request.URL)
	}
}

// quiet says that the page ran without a complaint and fetched nothing but itself.
func (b *browser) quiet(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Empty(t, b.said)
	assert.Len(t, b.fetched, 1, b.fetched)
}

func (b *browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, steps...))
}

// get is what an expression of the page has, such as the texts of elements.
func (b *browser) get(t *testing.T, expression string) []string {
	t.Helper()
	list, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](expression))
	require.NoError(t, err)
	return list
}

func js(statement string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](statement)
}

// drawing waits until the graph has so many names.
func drawing(names int) chromedp.Action[chromedp.Void] {
	return chromedp.Poll[chromedp.Void](fmt.Sprintf("document.querySelectorAll('svg a').length === %d", names))
}

const (
	shownRows = `[...document.querySelectorAll('tbody tr')].filter(r => r.checkVisibility()).map(r => r.innerText.trim().replace(/\s+/g, ' '))`
	drawn     = `[...document.querySelectorAll('svg a')].map(a => a.dataset.name)`
)

func TestNamesOfTheClusterAreTextAndNothingElse(t *testing.T) {
	var w world
	hostile := []string{
		`<img src=x onerror=document.title='owned'>`,
		`</script><script>document.title='owned'</script>`,
		`"><svg onload=document.title='owned'>`,
		`{{.Style}}${document.title='owned'}`,
		"javascript:document.title='owned'",
	}
	w.account("shop", "cart")
	for _, name := range hostile {
		w.role("arn:aws:iam::111122223333:role/"+name, "system:serviceaccount:shop:cart", "", false)
		w.pod(name, name, name)
	}
	b := open(t, w.page(t))
	title := `[document.title]`
	assert.Equal(t, []string{"Who can become what"}, b.get(t, title))
	assert.Equal(t, []string{"1", "0"}, b.get(t, `['script', 'img, main script, [onload], [onerror]'].map(s => String(document.querySelectorAll(s).length))`))
	for _, name := range hostile {
		role := "arn:aws:iam::111122223333:role/" + name
		assert.Contains(t, b.get(t, drawn), role)
		assert.Contains(t, b.get(t, `[...document.querySelectorAll('#admitted td a')].map(a => a.textContent)`), role)
		assert.Contains(t, b.get(t, `[...document.querySelectorAll('#runs-as-node th a')].map(a => a.textContent)`), name+"/"+name)
		assert.Contains(t, b.get(t, `[...document.querySelectorAll('option')].map(o => o.value)`), role)
	}
	// A link to a hostile name selects that name.
	b.do(t, js(`[...document.querySelectorAll('#admitted td a')].find(a => a.textContent.includes('<img')).click()`), drawing(2))
	assert.Equal(t, []string{"shop/cart", "arn:aws:iam::111122223333:role/" + hostile[0]}, b.get(t, drawn))
	assert.Equal(t, []string{"Who can become what"}, b.get(t, title))
	b.quiet(t)
}

func TestTheFiltersOfALargeClusterLeadToAGraph(t *testing.T) {
	var w world
	for i := range 2000 {
		namespace, name := fmt.Sprintf("team-%d", i%100), fmt.Sprintf("service-%d", i)
		w.account(namespace, name)
		role := w.role("arn:aws:iam::111122223333:role/"+name, "system:serviceaccount:"+namespace+":"+name, "", i != 1707)
		if i == 1707 {
			w.role("arn:aws:iam::444455556666:role/archive", "", role, false)
		}
	}
	w.pod("team-7", "batch", "app")
	b := open(t, w.page(t))
	assert.Len(t, b.get(t, shownRows), 2003+1) // and "none" of one section
	assert.Empty(t, b.get(t, drawn))
	assert.Contains(t, b.get(t, `[document.getElementById('drawing').innerText]`)[0], "too many to draw")

	// By keyboard: a namespace is typed into its choice, then the filters are cleared.
	b.do(t, chromedp.SendKeys(chromedp.CSS("select[name=namespace]"), "team-7"), drawing(20+20+1))
	rows := b.get(t, shownRows)
	assert.Len(t, rows, 21+1+1+1) // who can become what, the pod, the finding of a role, "none"
	assert.Contains(t, rows, "team-7/batch as service account default, containers app")
	assert.Contains(t, rows, "team-7/service-1707 arn:aws:iam::111122223333:role/service-1707 then arn:aws:iam::444455556666:role/archive")
	b.do(t, chromedp.Focus(chromedp.CSS("form a")), chromedp.KeyEvent(kb.Enter), drawing(0))

	b.do(t, chromedp.SendKeys(chromedp.CSS("input[name=text]"), "TEAM-9/ service-170"), drawing(2))
	assert.Equal(t, []string{"team-9/service-1709", "arn:aws:iam::111122223333:role/service-1709"}, b.get(t, drawn))
	b.do(t, chromedp.SendKeys(chromedp.CSS("input[name=text]"), strings.Repeat(kb.Backspace, 30)), drawing(0))
	b.do(t, chromedp.SendKeys(chromedp.CSS("input[name=role]"), "archive"), drawing(3))

	// A name of the graph is chosen by keyboard and keeps the focus; Back undoes it.
	b.do(t, js(`location.hash = '#namespace=team-7'`), drawing(41),
		js(`document.querySelector('svg a[data-name="team-7/service-1707"]').focus()`), chromedp.KeyEvent(kb.Enter), drawing(3))
	assert.Equal(t, []string{"team-7/service-1707"}, b.get(t, `[document.activeElement.dataset.name]`))
	b.do(t, chromedp.NavigateBack(), drawing(41))

	// A finding leaves those whom it concerns.
	b.do(t, js(`location.hash = '#finding=missing-aud'`), drawing(3))
	assert.Len(t, b.get(t, shownRows), 2+1+1)
	b.quiet(t)
}
