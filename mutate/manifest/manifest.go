// Package manifest mutates pods, and whatever has a pod template, in files of YAML and JSON as a
// webhook would in the cluster: in a repository, in a pipeline or as Helm's post-renderer. Comments
// and the order of members and documents stay, and what is not a pod stays as it is. In a document
// with pods, aliases and merge keys are written out. Indentation becomes two spaces.
//
// [File.Objects] has the objects of a file. A program takes the identities of its ServiceAccounts
// from them, or from elsewhere, and calls [Object.Mutate] for those that have pods.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/irsa-go/irsa/internal/yamltree"
)

// File is the documents of one file. It is not safe for concurrent use, and neither are its objects.
type File struct {
	comments  []byte // of a file without documents
	documents []*yaml.Node
	objects   []*Object
	isJSON    bool
	compact   bool // lists are not indented below their names
}

var compactList = regexp.MustCompile(`(?m)^( *)[^\s#-][^\n]*:\r?\n(?: *#[^\n]*\n)*( *)- `)

// Parse reads a file of YAML, which may have several documents, or of JSON. It is an error when the
// text is not UTF-8 or UTF-16, not YAML, has a name twice in a mapping or aliases that grow without
// measure; when a document is not a Kubernetes object; and when a ServiceAccount or a workload
// cannot be read. Errors name the line, the object, or both.
func Parse(text []byte) (*File, error) {
	f := &File{isJSON: json.Valid(text)}
	if f.isJSON {
		text = escaped(joinSurrogates(text))
	}
	if list := compactList.FindSubmatch(text); list != nil {
		f.compact = bytes.Equal(list[1], list[2])
	}
	var err error
	if f.documents, err = yamltree.Documents(text); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if len(f.documents) == 0 {
		f.comments = bytes.Clone(text)
	}
	for _, document := range f.documents {
		respell(document)
		if err := f.add(document); err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
	}
	return f, nil
}

var escape = regexp.MustCompile(`\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.`)

// joinSurrogates writes out the characters of JSON that are two escapes each, which YAML does not know.
func joinSurrogates(text []byte) []byte {
	return escape.ReplaceAllFunc(text, func(found []byte) []byte {
		var joined string
		if len(found) < len(`\ud800\udc00`) || json.Unmarshal([]byte(`"`+string(found)+`"`), &joined) != nil {
			return found
		}
		return []byte(joined)
	})
}

var unprintable = regexp.MustCompile("[\x7f-\u009f\u2028\u2029\ufeff\ufffe\uffff]")

// escaped spells the characters of JSON that YAML takes for line breaks, or does not take as they are.
func escaped(text []byte) []byte {
	return unprintable.ReplaceAllFunc(text, func(found []byte) []byte {
		char, _ := utf8.DecodeRune(found)
		return fmt.Appendf(nil, `\u%04x`, char)
	})
}

var refolded = regexp.MustCompile(`(?m:^[ \t])|\n\n$`)

// respell changes what the encoder would write in another way: a null that is left out between braces
// as an empty string, a merge key with its tag, and a folded text with other line breaks where one of its
// lines is indented or it ends in several.
func respell(node *yaml.Node) {
	for _, child := range node.Content {
		switch {
		case child.Style&yaml.FoldedStyle != 0 && refolded.MatchString(child.Value):
			child.Style = child.Style&^yaml.FoldedStyle | yaml.LiteralStyle
		case node.Style&yaml.FlowStyle != 0 && child.Tag == "!!null" && child.Value == "":
			child.Value = "null"
		case child.Tag == "!!merge":
			child.Tag = ""
		}
		respell(child)
	}
}

// add finds the object that a document holds, or the items of a List.
func (f *File) add(document *yaml.Node) error {
	root := yamltree.Root(document)
	if root == nil {
		return nil
	}
	root = yamltree.Plain(root)
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: it is not a Kubernetes object", root.Line)
	}
	items := []*yaml.Node{root}
	if strings.HasSuffix(yamltree.Text(root, "kind"), "List") {
		items = nil
		if list := yamltree.At(root, "items"); list != nil && list.Kind == yaml.SequenceNode {
			items = list.Content
		}
	}
	for _, item := range items {
		object, err := newObject(item)
		if err != nil {
			return err
		}
		f.objects = append(f.objects, object)
		if _, hasPods := object.Target(); hasPods {
			document.Content[0] = root
		}
	}
	return nil
}

// Objects are those of all documents, and the items of Lists, in their order.
func (f *File) Objects() []*Object { return f.objects }

// Bytes writes the file: JSON as JSON, indented, and anything else as YAML.
func (f *File) Bytes() ([]byte, error) {
	if f.isJSON {
		return f.JSON()
	}
	return f.YAML()
}

// JSON writes the documents one after the other. It fails for what JSON does not have, such as an
// infinite number.
func (f *File) JSON() ([]byte, error) {
	var out bytes.Buffer
	for _, document := range f.documents {
		if yamltree.Root(document) == nil {
			continue
		}
		raw, err := yamltree.JSON(document)
		if err == nil {
			err = json.Indent(&out, raw, "", "  ")
		}
		if err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// YAML writes the documents with "---" between them. It fails rather than write another value.
func (f *File) YAML() ([]byte, error) {
	var out bytes.Buffer
	out.Write(f.comments)
	for i, document := range f.documents {
		if i > 0 {
			out.WriteString("---\n")
		}
		if f.isJSON {
			document = yamltree.Plain(document)
			unfold(document)
		}
		text, err := f.encode(document)
		if err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}

// encode writes one document. Where a comment follows a text that ends in empty lines, the encoder adds
// one to them, so such texts are quoted then.
func (f *File) encode(document *yaml.Node) (text []byte, err error) {
	for range 2 {
		var out bytes.Buffer
		encoder := yaml.NewEncoder(&out)
		encoder.SetIndent(2)
		if f.compact || f.isJSON {
			encoder.CompactSeqIndent()
		}
		if err := errors.Join(encoder.Encode(document), encoder.Close()); err != nil {
			return nil, err
		}
		if yamltree.Root(document) == nil {
			return out.Bytes(), nil
		}
		if again, err := yamltree.Documents(out.Bytes()); err == nil && len(again) == 1 {
			if respell(again[0]); isSame(document, again[0]) {
				return out.Bytes(), nil
			}
		}
		quote(document)
	}
	return nil, fmt.Errorf("the document of line %d cannot be written in YAML without a change", document.Line)
}

// isSame says whether two trees have the same values.
func isSame(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Value == b.Value && a.ShortTag() == b.ShortTag() && slices.EqualFunc(a.Content, b.Content, isSame)
}

// quote gives texts that end in empty lines quotes.
func quote(node *yaml.Node) {
	if strings.HasSuffix(node.Value, "\n\n") {
		node.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range node.Content {
		quote(child)
	}
}

// unfold gives what was JSON the style of YAML. The encoder quotes what needs it, but for "yes" and the
// like, which Kubernetes would take for true or false.
func unfold(node *yaml.Node) {
	node.Style = 0
	var old bool
	if node.Tag == "!!str" && len(node.Value) <= len("off") && node.Decode(&old) == nil {
		node.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range node.Content {
		unfold(child)
	}
}
