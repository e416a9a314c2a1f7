package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change of one file.
type mutant struct {
	file         string // absolute
	shown        string // as it was given
	line, column int
	function     string
	start, end   int // of what is replaced, in bytes
	old, new     string
	source       []byte // of the whole file, before
	pkg          string // its name

	// node is an expression that is true or false, or a statement, which the change is in: such
	// mutants can be built together. It is zero for the others.
	node        span
	isStatement bool
}

// span is a piece of the file, in bytes.
type span struct{ start, end int }

// nodeText is what the node reads after the change.
func (m mutant) nodeText() string {
	return string(m.source[m.node.start:m.start]) + m.new + string(m.source[m.end:m.node.end])
}

// String says what is changed and where.
func (m mutant) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s -> %s", m.shown, m.line, m.column, m.function, oneLine(m.old), oneLine(m.new))
}

func oneLine(s string) string {
	if s == "" {
		return "nothing"
	}
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:60]) + "…"
	}
	return "`" + s + "`"
}

// mutated is the source of the file after the change.
func (m mutant) mutated() []byte {
	return slices.Concat(m.source[:m.start], []byte(m.new), m.source[m.end:])
}

// mutantsOf lists the changes of a file's functions, in the order of their place.
func mutantsOf(name string, only *regexp.Regexp) ([]mutant, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	v := visitor{source: source, files: files, skip: map[ast.Node]bool{}, mutant: mutant{file: path, shown: name, source: source, pkg: file.Name.Name}}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil || !only.MatchString(f.Name.Name) {
			continue
		}
		v.function = f.Name.Name
		ast.Inspect(f, v.visit)
	}
	slices.SortStableFunc(v.found, func(a, b mutant) int { return a.start - b.start })
	return v.found, nil
}

// visitor collects mutants; the embedded one says where it is.
type visitor struct {
	mutant
	files  *token.FileSet
	source []byte
	skip   map[ast.Node]bool // what does not compile, or what another mutant stands for
	found  []mutant
}

// replace adds a mutant in which the node reads otherwise.
func (v *visitor) replace(node ast.Node, with string) { v.replaceAt(node.Pos(), node.End(), with) }

// replaceTruth is replace for what is true or false.
func (v *visitor) replaceTruth(node ast.Expr, with string) {
	v.node = v.spanOf(node)
	v.replace(node, with)
	v.node = span{}
}

func (v *visitor) spanOf(node ast.Node) span {
	return span{v.files.Position(node.Pos()).Offset, v.files.Position(node.End()).Offset}
}

func (v *visitor) replaceAt(from, to token.Pos, with string) {
	m := v.mutant
	at := v.files.Position(from)
	m.line, m.column, m.start, m.end = at.Line, at.Column, at.Offset, v.files.Position(to).Offset
	m.old, m.new = string(v.source[m.start:m.end]), with
	v.found = append(v.found, m)
}

func (v *visitor) text(node ast.Node) string {
	return string(v.source[v.files.Position(node.Pos()).Offset:v.files.Position(node.End()).Offset])
}

func (v *visitor) visit(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.FuncDecl:
		v.keepReturns(n.Body.List)
	case *ast.FuncLit:
		v.keepReturns(n.Body.List)
	case *ast.IfStmt:
		v.fix(n.Cond)
		if n.Else == nil && len(n.Body.List) == 1 {
			v.skip[n.Body.List[0]] = true // as if the condition never held
		}
	case *ast.ForStmt:
		if n.Cond != nil {
			v.replaceTruth(n.Cond, "false && ("+v.text(n.Cond)+")")
		}
	case *ast.SwitchStmt:
		v.visitSwitch(n)
	case *ast.BinaryExpr:
		v.visitBinary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			v.replaceTruth(n, v.text(n.X))
		}
	case *ast.Ident:
		if other, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
			v.replaceTruth(n, other)
		}
	case *ast.BasicLit:
		if next, ok := nextNumber(n); ok && !v.skip[n] {
			v.replace(n, strconv.FormatInt(next, 10))
		}
	case *ast.BlockStmt:
		v.drop(n.List)
	case *ast.CaseClause:
		v.drop(n.Body)
	}
	return true
}

// keepReturns: a function does not compile without the returns that end it
// (https://go.dev/ref/spec#Terminating_statements).
func (v *visitor) keepReturns(list []ast.Stmt) {
	if len(list) == 0 {
		return
	}
	switch end := list[len(list)-1].(type) {
	case *ast.ReturnStmt:
		v.skip[end] = true
	case *ast.BlockStmt:
		v.keepReturns(end.List)
	case *ast.IfStmt:
		if end.Else != nil {
			v.keepReturns(end.Body.List)
			v.keepReturns([]ast.Stmt{end.Else})
		}
	case *ast.SwitchStmt:
		for _, clause := range end.Body.List {
			v.keepReturns(clause.(*ast.CaseClause).Body)
		}
	case *ast.TypeSwitchStmt:
		for _, clause := range end.Body.List {
			v.keepReturns(clause.(*ast.CaseClause).Body)
		}
	case *ast.SelectStmt:
		for _, clause := range end.Body.List {
			v.keepReturns(clause.(*ast.CommClause).Body)
		}
	}
}

// nextNumber is one more than an integer. It is not what a smaller type could not hold.
func nextNumber(n *ast.BasicLit) (int64, bool) {
	number, err := strconv.ParseInt(n.Value, 0, 64)
	if n.Kind != token.INT || err != nil {
		return 0, false
	}
	if number > 100 && (number+1)&number == 0 {
		return number - 1, true
	}
	return number + 1, true
}

// fix makes a condition hold always, and never: what notices both notices the opposite too.
func (v *visitor) fix(condition ast.Expr) {
	v.skip[condition] = true
	v.replaceTruth(condition, "true || ("+v.text(condition)+")")
	v.replaceTruth(condition, "false && ("+v.text(condition)+")")
}

// visitSwitch fixes the cases of a switch without a tag, and takes values out of the others.
func (v *visitor) visitSwitch(n *ast.SwitchStmt) {
	for _, statement := range n.Body.List {
		clause := statement.(*ast.CaseClause)
		for i, value := range clause.List {
			switch {
			case n.Tag == nil:
				v.fix(value)
			case len(clause.List) == 1: // the whole clause goes
				v.replaceAt(clause.Pos(), clause.End(), "")
			case i == 0:
				v.replaceAt(value.Pos(), clause.List[1].Pos(), "")
			default:
				v.replaceAt(clause.List[i-1].End(), value.End(), "")
			}
		}
	}
}

// swapped are operators that are easily taken for one another.
var swapped = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.ADD: token.SUB, token.SUB: token.ADD,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
}

func (v *visitor) visitBinary(n *ast.BinaryExpr) {
	if n.Op == token.LAND || n.Op == token.LOR { // one of the two counts for nothing
		neutral := strconv.FormatBool(n.Op == token.LAND)
		v.replaceTruth(n.X, neutral)
		v.replaceTruth(n.Y, neutral)
		return
	}
	if n.Op.Precedence() == token.EQL.Precedence() { // a comparison
		v.node = v.spanOf(n)
		defer func() { v.node = span{} }()
	}
	equality := n.Op == token.EQL || n.Op == token.NEQ
	if other, ok := swapped[n.Op]; ok && !(equality && v.skip[n]) {
		v.replaceAt(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other.String())
	}
	for _, side := range []ast.Expr{n.X, n.Y} {
		literal, ok := side.(*ast.BasicLit)
		if !ok || v.node == (span{}) {
			continue
		}
		if next, ok := nextNumber(literal); ok {
			v.replace(literal, strconv.FormatInt(next, 10))
			v.skip[literal] = true
		} else if literal.Kind == token.STRING {
			v.replace(literal, `"mutant"`)
		}
	}
}

// drop leaves out statements that the others can do without: calls, assignments, returns. What
// does not compile then is not a mutant.
func (v *visitor) drop(list []ast.Stmt) {
	for _, statement := range list {
		if v.skip[statement] {
			continue
		}
		switch s := statement.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.ReturnStmt:
			v.dropStatement(statement)
		case *ast.BranchStmt:
			if s.Tok != token.FALLTHROUGH { // it must end its clause
				v.dropStatement(statement)
			}
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				v.dropStatement(statement)
			}
		}
	}
}

func (v *visitor) dropStatement(statement ast.Stmt) {
	v.node, v.isStatement = v.spanOf(statement), true
	v.replace(statement, "")
	v.node, v.isStatement = span{}, false
}
