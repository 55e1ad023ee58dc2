#include "model/template.h"

#include <string.h>

#include "test/unit/runner.h"

static const char data[] =
	"{\"ID\":\"abc\",\"Name\":\"web\",\"N\":3,\"Zero\":0,\"R\":1.5,\"Yes\":true,\"No\":false,"
	"\"Nil\":null,\"Empty\":[],\"List\":[\"a\",\"b\",\"c\"],"
	"\"Spec\":{\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"Mode\":{\"Replicated\":{\"Replicas\":3}}},"
	"\"Nodes\":[{\"Name\":\"n1\"},{\"Name\":\"n2\"}]}";

static int run(const char *text, enum template_absent absent, struct buf *out, struct err *err)
{
	CLEANUP(template_freep) struct template *template = NULL;

	if (template_parse(text, &template, err) < 0)
		return -1;
	yyjson_doc *doc = yyjson_read(data, strlen(data), 0);
	int result = template_run(template, yyjson_doc_get_root(doc), absent, out, err);
	yyjson_doc_free(doc);
	return result;
}

static void expect(const char *text, const char *want)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	EXPECT_INT(run(text, TEMPLATE_ABSENT_IS_NIL, &out, &err), 0);
	EXPECT_STR(err.text, "");
	EXPECT_STR(buf_text(&out), want);
}

static void expect_error(const char *text, const char *want)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	EXPECT_INT(run(text, TEMPLATE_ABSENT_IS_NIL, &out, &err), -1);
	EXPECT_STR(err.text, want);
}

TEST(template_prints_fields_as_go_does)
{
	expect("", "");
	expect("{{.ID}} {{ .Name }}!", "abc web!");
	expect("{{.Spec.Mode.Replicated.Replicas}}", "3");
	expect("{{.R}} {{.Yes}} {{.No}} {{.Nil}} {{.Absent}} {{.Absent.Deeper}}",
	       "1.5 true false <no value> <no value> <no value>");
	expect("{{.Spec.Labels}} {{.List}} {{.Empty}}", "map[a:1 b:2] [a b c] []");
	expect("{{.}}", "map[Empty:[] ID:abc List:[a b c] N:3 Name:web Nil:<no value> No:false "
			"Nodes:[map[Name:n1] map[Name:n2]] R:1.5 Spec:map[Labels:map[a:1 b:2] "
			"Mode:map[Replicated:map[Replicas:3]]] Yes:true Zero:0]");
	expect("{{.Id}} {{.name}}", "abc web");
}

TEST(template_takes_literals_pipes_and_parentheses)
{
	expect("{{\"a\\\"b\\n\"}}{{`c\\n`}}{{12}}{{-3}}{{1.25}}{{true}}", "a\"b\nc\\n12-31.25true");
}

TEST(template_pipes_the_value_into_the_last_argument)
{
	expect("{{.Name | upper}}", "WEB");
	expect("{{3 | truncate .Name}}", "web");
	expect("{{.Name | printf \"%s is %s\" \"it\"}}", "it is web");
	expect("{{(index .Nodes 1).Name}}", "n2");
	expect("{{len (split \"a,b,c\" \",\")}}", "3");
}

TEST(template_trims_and_skips_comments)
{
	expect("a \n {{- .ID -}} \n b", "aabcb");
	expect("a{{/* not this }} */}}b{{- /* nor this */ -}} c", "abc");
	expect("{{-3}}", "-3");
}

TEST(template_decides)
{
	expect("{{if .Yes}}y{{else}}n{{end}}{{if .Zero}}y{{else}}n{{end}}{{if .Empty}}y{{end}}", "yn");
	expect("{{if .No}}1{{else if .Nil}}2{{else if .N}}3{{else}}4{{end}}", "3");
	expect("{{with .Spec.Labels}}{{.a}}{{end}}{{with .Absent}}x{{else}}none{{end}}", "1none");
	expect("{{if and .Yes .N}}both{{end}} {{if or .No .Zero}}x{{else}}neither{{end}} {{not .No}}",
	       "both neither true");
	expect("{{if eq .Name \"web\"}}=={{end}}{{if ne .N 3}}!={{end}}{{eq .N 1 2 3}}", "==true");
}

TEST(template_ranges)
{
	expect("{{range .List}}<{{.}}>{{end}}", "<a><b><c>");
	expect("{{range .Nodes}}{{.Name}} {{end}}", "n1 n2 ");
	expect("{{range .Spec.Labels}}{{.}}{{end}}", "12");
	expect("{{range .Empty}}x{{else}}none{{end}}{{range .Absent}}x{{end}}", "none");
}

TEST(template_functions_do_what_dockers_do)
{
	expect("{{json .Spec.Labels}} {{json .Name}} {{json .Absent}} {{json .List}}",
	       "{\"b\":\"2\",\"a\":\"1\"} \"web\" null [\"a\",\"b\",\"c\"]");
	expect("{{join .List \", \"}} {{split \"a:b\" \":\"}}", "a, b, c [a b]");
	expect("{{upper \"aB\"}} {{lower \"aB\"}} {{title \"hello big-world\"}}", "AB ab Hello Big-World");
	expect("[{{pad .Name 1 2}}] [{{pad \"\" 1 2}}] {{truncate .ID 2}} {{truncate .ID 9}}",
	       "[ web  ] [] ab abc");
	expect("{{index .List 0}} {{index .Spec.Labels \"b\"}} {{index .Nodes 0 \"Name\"}} {{len .Name}}",
	       "a 2 n1 3");
	expect("{{printf \"%-5s|%5d|%05d|%.1f|%q|%t|%v|%x|%%\" .Name .N .N .R .Name .Yes .List 255}}",
	       "web  |    3|00003|1.5|\"web\"|true|[a b c]|ff|%");
}

TEST(template_has_variables)
{
	expect("{{$x := .Name}}{{$x}}{{$x = 3}}{{$x}}{{$.ID}}", "web3abc");
	expect("{{range $k, $v := .Spec.Labels}}{{$k}}={{$v}}{{$.N}} {{end}}", "a=13 b=23 ");
	expect("{{range $i, $n := .Nodes}}{{$i}}{{$n.Name}}{{.Name}};{{end}}{{range $n := .List}}{{$n}}{{end}}", "0n1n1;1n2n2;abc");
	expect("{{with $x := .Spec.Mode}}{{$x.Replicated.Replicas}}{{end}}{{if $y := .Zero}}{{else}}{{$y}}{{end}}", "30");
	expect("{{$x := 1}}{{range .List}}{{$x := 2}}{{end}}{{$x}}{{range .List}}{{$x = .}}{{end}}{{$x}}", "1c");
	expect_error("{{if .ID}}{{$x := 1}}{{end}}{{$x}}", "template parsing error: template: :1: undefined variable \"$x\"");
	expect_error("{{$x = 1}}", "template parsing error: template: :1: undefined variable \"$x\"");
}

TEST(template_leaves_ranges)
{
	expect("{{range .List}}{{if eq . `b`}}{{continue}}{{end}}{{.}}{{end}}", "ac");
	expect("{{range .List}}{{if eq . `b`}}{{break}}{{end}}{{.}}{{end}}.", "a.");
	expect("{{range .Nodes}}{{range $.List}}{{break}}{{end}}{{.Name}}{{end}}", "n1n2");
	expect_error("{{break}}", "template parsing error: template: :1: {{break}} outside {{range}}");
	expect_error("{{range .List}}{{end}}{{continue}}", "template parsing error: template: :1: {{continue}} outside {{range}}");
}

TEST(template_compares_and_prints_as_go_does)
{
	expect("{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge \"b\" \"a\"}} {{lt 1.5 1.25}} {{gt .N 2}} {{ge 1 2}}", "true true false true false true false");
	expect("{{print 1 2 \"a\" \"b\" 3}}|{{println \"a\" 1}}", "1 2ab3|a 1\n");
	expect_error("{{lt 1 `a`}}", "template parsing error: template: :1:2: executing \"\" at <lt 1 `a`>: error calling lt: incompatible types for comparison");
}

TEST(template_escapes_and_cuts_as_go_does)
{
	expect("{{urlquery \"a b&c=d/é~\"}} {{`p@ss:w+rd` | urlquery}} {{urlquery .N \"x\"}}{{urlquery}}", "a+b%26c%3Dd%2F%C3%A9~ p%40ss%3Aw%2Brd 3x");
	expect("{{html `<a href='x'>\"&é`}} {{html .List}}", "&lt;a href=&#39;x&#39;&gt;&#34;&amp;é [a b c]");
	expect("{{slice .ID 1}} {{slice .ID 0 2}} {{slice .ID}} {{slice .ID 3}}{{slice .ID 1 1}}", "bc ab abc ");
	expect_error("{{slice .ID 4}}", "template parsing error: template: :1:2: executing \"\" at <slice .ID 4>: error calling slice: index out of range: 4");
	expect_error("{{slice .ID 2 1}}", "template parsing error: template: :1:2: executing \"\" at <slice .ID 2 1>: error calling slice: invalid slice index: 2 > 1");
	expect_error("{{slice .ID -1}}", "template parsing error: template: :1:2: executing \"\" at <slice .ID -1>: error calling slice: index out of range: -1");
	expect_error("{{slice .List 1}}", "template parsing error: template: :1:2: executing \"\" at <slice .List 1>: error calling slice: can't slice what is no string");
	expect_error("{{slice .ID `x`}}", "template parsing error: template: :1:2: executing \"\" at <slice .ID `x`>: error calling slice: cannot index slice/array with "
					"what is no number");
	expect_error("{{slice .ID 0 1 2}}", "template parsing error: template: :1:2: executing \"\" at <slice .ID 0 1 2>: wrong number of args for slice: want 1 got 4");
}

TEST(template_names_what_it_does_not_know)
{
	expect_error("{{js .ID}}", "template parsing error: template: :1:2: executing \"\" at <js .ID>: error calling js: it is not supported by swarmbox");
	expect_error("{{nonsense .ID}}", "template parsing error: template: :1: function \"nonsense\" not defined");
	expect_error("{{secret \"x\"}}", "template parsing error: template: :1: function \"secret\" not defined");
	expect_error("{{define \"x\"}}{{end}}", "template parsing error: template: :1: {{define}} is not supported by swarmbox");
	expect_error("{{printf \"%b\" .N}}", "template parsing error: template: :1:2: executing \"\" at <printf \"%b\" .N>: error calling printf: of its verbs there are "
					     "%s %v %q %d %x %t %f");
}

TEST(template_refuses_what_is_malformed)
{
	expect_error("{{.ID", "template parsing error: template: :1: unclosed action");
	expect_error("a\nb{{", "template parsing error: template: :2: unclosed action");
	expect_error("{{(.ID}}", "template parsing error: template: :1: unexpected \"}}\" in operand");
	expect_error("{{}}", "template parsing error: template: :1: missing value for command");
	expect_error("{{if}}", "template parsing error: template: :1: missing value for if");
	expect_error("{{if .ID}}x", "template parsing error: template: :1: unexpected EOF");
	expect_error("x{{end}}", "template parsing error: template: :1: unexpected {{end}}");
	expect_error("x{{else}}y{{end}}", "template parsing error: template: :1: unexpected {{else}}");
	expect_error("{{if 1}}{{else}}{{else}}{{end}}", "template parsing error: template: :1: expected end; found {{else}}");
	expect_error("{{\"abc}}", "template parsing error: template: :1: unterminated quoted string");
	expect_error("{{\"a\nb\"}}", "template parsing error: template: :1: unterminated quoted string");
	expect_error("{{\"a\\z\"}}", "template parsing error: template: :1: invalid syntax");
	expect_error("{{.ID .Name}}", "template parsing error: template: :1:2: executing \"\" at <.ID>: ID has arguments but cannot be invoked as function");
	expect_error("{{.ID | .Name}}", "template parsing error: template: :1: non executable command in pipeline stage 2");
	expect_error("{{len}}", "template parsing error: template: :1:2: executing \"\" at <len>: wrong number of args for len: want 1 got 0");
	expect_error("{{index .List\n3}}", "template parsing error: template: :1:2: executing \"\" at <index .List 3>: error calling index: index out of range");
	expect_error("{{range .Name}}{{end}}", "template parsing error: template: :1:8: executing \"\" at <.Name>: range can't iterate over a string");
	expect_error("{{printf \"%d\" .Name}}", "template parsing error: template: :1:2: executing \"\" at <printf \"%d\" .Name>: error calling printf: %d needs an integer");
	expect_error("{{printf \"%s\"}}", "template parsing error: template: :1:2: executing \"\" at <printf \"%s\">: error calling printf: fewer arguments than verbs");
}

TEST(template_is_strict_about_rows)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	EXPECT_INT(run("{{.Nope}}", TEMPLATE_ABSENT_IS_ERROR, &out, &err), -1);
	EXPECT_STR(err.text, "template parsing error: template: :1:2: executing \"\" at <.Nope>: can't evaluate field Nope");
}

TEST(template_names_members_that_a_whole_object_lacks)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	EXPECT_INT(run("{{.ID}} {{json .Nope.Deeper}}", TEMPLATE_ABSENT_TOP_IS_ERROR, &out, &err), -1);
	EXPECT_STR(err.text, "template parsing error: template: :1:20: executing \"\" at <.Nope.Deeper>: map has no entry for key "
			     "\"Nope\"");
	buf_clear(&out);
	/* what is empty may be left out below */
	EXPECT_INT(run("{{.Spec.Nope}} {{range .Nodes}}{{.Nope}}{{end}}", TEMPLATE_ABSENT_TOP_IS_ERROR, &out, &err), 0);
	EXPECT_STR(buf_text(&out), "<no value> <no value><no value>");
}

TEST(template_takes_what_is_a_pointer_of_dockers_for_nil_where_it_is_absent)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	EXPECT_INT(run("{{if .ManagerStatus}}a manager{{else}}none{{end}}", TEMPLATE_ABSENT_TOP_IS_ERROR, &out, &err), 0);
	EXPECT_STR(buf_text(&out), "none");
	EXPECT_INT(run("{{.ManagerStatus.Leader}}", TEMPLATE_ABSENT_TOP_IS_ERROR, &out, &err), -1);
	EXPECT_STR(err.text, "template parsing error: template: :1:16: executing \"\" at <.ManagerStatus.Leader>: map has no entry for key "
			     "\"ManagerStatus\"");
}

static void expect_label(const char *row, const char *text, const char *want)
{
	CLEANUP(template_freep) struct template *template = NULL;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	yyjson_doc *doc = yyjson_read(row, strlen(row), 0);
	struct err err = {0};

	EXPECT_INT(template_parse(text, &template, &err), 0);
	EXPECT_INT(template_run(template, yyjson_doc_get_root(doc), TEMPLATE_ABSENT_IS_ERROR, &out, &err), 0);
	EXPECT_STR(buf_text(&out), want);
	yyjson_doc_free(doc);
}

TEST(template_finds_labels_of_rows)
{
	expect_label("{\"Labels\":\"a.b=1,a.c=two words,d=\"}", "{{.Label \"a.c\"}}{{.Label \"a\"}}{{.Label \"d\"}}{{.Label `a.b` | upper}}",
		     "two words1");
	expect_label("{\"Labels\":{\"x\":\"y\"}}", "{{.Label \"x\"}}{{.Label \"z\"}}.", "y.");
	expect_label("{\"Labels\":\"LABELS\"}", "{{.Label \"com.example.two-words\"}}", "two words");
	expect_label("{\"Name\":1}", "{{.Label \"x\"}}.", ".");
	expect_error("{{.Label .ID}}", "template parsing error: template: :1:2: executing \"\" at <.Label>: Label has arguments but cannot be invoked as function");
	expect_error("{{.Labels \"x\"}}", "template parsing error: template: :1:2: executing \"\" at <.Labels>: Labels has arguments but cannot be invoked as function");
}

TEST(template_bounds_its_depth)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT, out = BUF_INIT;
	struct err err = {0};

	buf_add_str(&text, "{{");
	for (int i = 0; i < 1000; i++)
		buf_add_char(&text, '(');
	EXPECT_INT(run(buf_text(&text), TEMPLATE_ABSENT_IS_NIL, &out, &err), -1);
	EXPECT_STR(err.text, "template parsing error: template: :1: nested more than 32 deep");
}
