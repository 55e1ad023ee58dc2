#include "model/expand.h"

#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

static struct str_pair labels[] = { { (char[]){ "a.b" }, (char[]){ "1" } }, { (char[]){ "tier" }, (char[]){ "front" } } };
static const struct str_map label_map = { labels, ARRAY_COUNT(labels) };
static const struct expand_task task = { "sid", "web", &label_map, "nid", "host1", "x86_64", "linux", "tid", 2 };

static const char *expand_hostname(const struct expand_task *of, const char *text)
{
	static struct arena arena = { .name = "test", .ceiling_bytes = 128 << 20 };
	static struct err err;
	struct container_spec_model own = { .hostname = (char *)(uintptr_t)text }, ret;
	const char *why;

	arena_fini(&arena);
	if (expand_container(of, &own, &arena, &ret, &err) == 0)
		return ret.hostname;
	return (why = str_after(err.text, "expanding hostname failed: ")) ? why : err.text;
}

TEST(tasks_are_told_who_they_are)
{
	struct expand_task global = task;

	EXPECT_STR(expand_hostname(&task, "{{.Service.ID}} {{.Service.Name}} {{.Service.Labels.tier}} {{index .Service.Labels \"a.b\"}}"), "sid web front 1");
	EXPECT_STR(expand_hostname(&task, "{{.Node.ID}} {{.Node.Hostname}} {{.Node.Platform.Architecture}} {{.Node.Platform.OS}}"),
		   "nid host1 x86_64 linux");
	EXPECT_STR(expand_hostname(&task, "{{.Task.ID}} {{.Task.Name}} {{.Task.Slot}}"), "tid web.2.tid 2");
	EXPECT_STR(expand_hostname(&task, "{{join \"-\" \"a\" .Service.Name .Task.Slot}}{{with .Node}} {{.Hostname}}{{end}}"), "a-web-2 host1");
	EXPECT_STR(expand_hostname(&task, "{{range $k, $v := .Service.Labels}}{{$k}}={{$v}};{{end}}{{.Service.Labels}}"), "a.b=1;tier=front;map[a.b:1 tier:front]");
	EXPECT_STR(expand_hostname(&task, "{{.Node}} {{.Node.Platform}} {{$.Task.Slot}}"), "{nid host1 {x86_64 linux}} {x86_64 linux} 2");
	EXPECT_STR(expand_hostname(&task, "{{index .Service.Labels \"none\"}}."), ".");
	EXPECT_STR(expand_hostname(&task, "no template }} {"), "no template }} {");
	global.slot = 0;
	EXPECT_STR(expand_hostname(&global, "{{.Task.Slot}} {{.Task.Name}}"), "nid web.nid.tid");
}

TEST(names_in_a_spec_are_meant_to_the_letter)
{
	EXPECT_STR(expand_hostname(&task, "{{.node}}"), "template: expansion:1:2: executing \"expansion\" at <.node>: can't evaluate field node in type "
							"*template.Context");
	EXPECT_STR(expand_hostname(&task, "a\n b{{.Task.Slot.X}}"), "template: expansion:2:9: executing \"expansion\" at <.Task.Slot.X>: can't evaluate "
								    "field X in type string");
	EXPECT_STR(expand_hostname(&task, "{{.Node.Platform.Os}}"), "template: expansion:1:7: executing \"expansion\" at <.Node.Platform.Os>: can't "
								    "evaluate field Os in type template.Platform");
	EXPECT_STR(expand_hostname(&task, "{{.Service.Labels.Tier}}"), "template: expansion:1:10: executing \"expansion\" at <.Service.Labels.Tier>: map "
								       "has no entry for key \"Tier\"");
	EXPECT_STR(expand_hostname(&task, "{{index .Node \"ID\"}}"), "template: expansion:1:2: executing \"expansion\" at <index .Node \"ID\">: error "
								     "calling index: can't index item of type struct { ID string; Hostname "
								     "string; Platform template.Platform }");
	EXPECT_STR(expand_hostname(&task, "{{range .Node}}{{end}}"), "template: expansion:1:8: executing \"expansion\" at <.Node>: range can't iterate "
								     "over a struct { ID string; Hostname string; Platform template.Platform }");
	/* what only Docker's client has */
	EXPECT_STR(expand_hostname(&task, "{{upper .Node.ID}}"), "template: expansion:1: function \"upper\" not defined");
	EXPECT_STR(expand_hostname(&task, "{{env \"A\"}}"), "template: expansion:1: function \"env\" not defined");
	EXPECT_STR(expand_hostname(&task, "{{.Label \"tier\"}}"), "template: expansion:1:2: executing \"expansion\" at <.Label>: Label has "
								"arguments but cannot be invoked as function");
	EXPECT_STR(expand_hostname(&task, "{{join .Service.Labels}}"), "template: expansion:1:2: executing \"expansion\" at <join .Service.Labels>: error "
								       "calling join: wrong type for value; expected string");
}

TEST(what_swells_is_bounded)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	EXPECT_STR(expand_hostname(&task, "{{$a := printf \"%4096d\" 1}}{{$b := join $a $a $a $a $a $a $a $a $a $a}}{{join $b $b $b $b}}"),
		   "template: expansion: what comes of it is too long");
	for (int i = 0; i < 12; i++)
		buf_add_str(&text, "{{range $.Service.Labels}}");
	buf_add_str(&text, "{{range $.Service.Labels}}{{range $.Service.Labels}}{{end}}{{end}}");
	for (int i = 0; i < 12; i++)
		buf_add_str(&text, "{{end}}");
	EXPECT(strstr(expand_hostname(&task, buf_text(&text)), "it takes too long") != NULL);
	buf_clear(&text);
	buf_add_str(&text, "{{$a := `x`}}");
	for (int i = 0; i < 40; i++)
		buf_add_str(&text, "{{$a = join $a $a $a $a $a $a}}");
	EXPECT(strstr(expand_hostname(&task, buf_text(&text)), "too") != NULL);
}

/* Of each place one. */
TEST(a_spec_has_templates_in_some_places)
{
	char *env[] = { (char[]){ "A={{.Task.Slot}}={{.Node.ID}}" }, (char[]){ "B{{.Task.Slot}}" }, (char[]){ "C{{=x" } };
	struct str_pair driver_options[] = { { (char[]){ "o" }, (char[]){ "addr={{.Node.Hostname}}" } } };
	struct str_pair volume_labels[] = { { (char[]){ "l{{" }, (char[]){ "{{.Service.Name}}" } } };
	struct volume_driver driver = { (char[]){ "local" }, { driver_options, 1 } };
	struct volume_options volume = { .labels = { volume_labels, 1 }, .driver = &driver, .subpath = (char[]){ "{{.Task.Slot}}" } };
	struct mount mounts[] = { { .type = MOUNT_VOLUME, .source = (char[]){ "v{{.Task.Slot}}" }, .target = (char[]){ "/{{.Node.ID}}" }, .volume = &volume } };
	struct container_spec_model own = { .image = (char[]){ "i{{.Task.Slot}}" }, .env = { env, ARRAY_COUNT(env) }, .dir = (char[]){ "{{.Task.Slot}}" } }, ret;
	struct arena arena;
	struct err err;

	own.mounts.items = mounts;
	own.mounts.count = 1;
	arena_init(&arena, "test", 1 << 20);
	EXPECT(expand_is_needed(&own));
	EXPECT_INT(expand_container(&task, &own, &arena, &ret, &err), 0);
	EXPECT_STR(ret.env.items[0], "A=2=nid");
	EXPECT_STR(ret.env.items[1], "B{{.Task.Slot}}");        /* a name */
	EXPECT_STR(ret.env.items[2], "C{{=x");
	EXPECT_STR(ret.mounts.items[0].source, "v2");
	EXPECT_STR(ret.mounts.items[0].target, "/nid");
	EXPECT_STR(ret.mounts.items[0].volume->labels.items[0].key, "l{{");
	EXPECT_STR(ret.mounts.items[0].volume->labels.items[0].value, "web");
	EXPECT_STR(ret.mounts.items[0].volume->driver->options.items[0].value, "addr=host1");
	EXPECT_STR(ret.mounts.items[0].volume->subpath, "{{.Task.Slot}}");
	EXPECT_STR(ret.image, "i{{.Task.Slot}}");
	EXPECT_STR(ret.dir, "{{.Task.Slot}}");
	/* the spec itself is what it was */
	EXPECT_STR(own.env.items[0], "A={{.Task.Slot}}={{.Node.ID}}");
	EXPECT_STR(volume.labels.items[0].value, "{{.Service.Name}}");
	driver_options[0].value = (char[]){ "{{.X}}" };
	EXPECT_INT(expand_container(&task, &own, &arena, &ret, &err), -1);
	EXPECT_STR(err.text, "expanding mounts failed: expanding volume driver config: expanding map entry \"o\"=\"{{.X}}\": template: expansion:1:2: "
			     "executing \"expansion\" at <.X>: can't evaluate field X in type *template.Context");
	arena_fini(&arena);
}

/* ---- payloads ---------------------------------------------------------------------------------------------------- */

static int give(void *arg UNUSED, bool is_config, const struct secret_reference *reference, struct arena *arena, const char **ret, size_t *ret_size,
		struct err *err)
{
	if (str_eq(reference->id, "gone"))
		return err_set(err, ERR_IO, "it is gone");
	*ret = arena_printf(arena, "%s:%s", is_config ? "c" : "s", reference->id);
	*ret_size = strlen(*ret) + str_eq(reference->id, "zero");
	return 0;
}

static const char *expand_bytes(bool is_config, const char *text, size_t size)
{
	static struct buf out;
	static struct err err;
	char *env[] = { (char[]){ "BARE" }, (char[]){ "A=1=2" }, (char[]){ "A=3" } };
	struct file_target pw = { .name = (char[]){ "pw" } }, zero = { .name = (char[]){ "zero" } }, gone = { .name = (char[]){ "gone" } },
			   path = { .name = (char[]){ "/etc/c" } };
	struct secret_reference secrets[] = { { &pw, (char[]){ "id1" }, (char[]){ "x" } }, { &zero, (char[]){ "zero" }, (char[]){ "y" } },
					      { &gone, (char[]){ "gone" }, (char[]){ "z" } } };
	struct secret_reference configs[] = { { &path, (char[]){ "id2" }, (char[]){ "c" } } };
	const struct container_spec_model own = { .env = { env, ARRAY_COUNT(env) }, .secrets = { secrets, ARRAY_COUNT(secrets) }, .configs = { configs, 1 } };

	buf_fini(&out);
	if (expand_payload(&task, &own, is_config, text, size, give, NULL, &out, &err) < 0)
		return err.text;
	return buf_text(&out);
}

static const char *expand(bool is_config, const char *text)
{
	return expand_bytes(is_config, text, strlen(text));
}

TEST(payloads_look_up_what_their_task_has)
{
	EXPECT_STR(expand(true, "{{secret \"pw\"}} {{config \"/etc/c\"}} {{env \"A\"}} {{env \"BARE\"}}{{env \"NONE\"}}{{.Task.Slot}}"), "s:id1 c:id2 1=2 2");
	EXPECT_STR(expand(false, "{{secret \"pw\"}} {{join \",\" \"a\" (env \"A\")}}"), "s:id1 a,1=2");
	EXPECT_STR(expand(false, "db://u:{{secret \"pw\" | urlquery}}@h/{{slice .Task.ID 0 1}}"), "db://u:s%3Aid1@h/t");
	EXPECT_STR(expand(true, "{{secret \"x\"}}"), "template: expansion:1:2: executing \"expansion\" at <secret \"x\">: error calling secret: secret target x not found");
	EXPECT_STR(expand(true, "{{config \"c\"}}"), "template: expansion:1:2: executing \"expansion\" at <config \"c\">: error calling config: config target c not found");
	EXPECT_STR(expand(true, "{{secret \"gone\"}}"), "template: expansion:1:2: executing \"expansion\" at <secret \"gone\">: error calling secret: it is gone");
	EXPECT_STR(expand(true, "{{secret \"zero\"}}"), "template: expansion:1:2: executing \"expansion\" at <secret \"zero\">: error calling secret: secret "
							"target zero is no text: it has a zero byte");
	EXPECT_STR(expand(true, "{{secret 1}}"), "template: expansion:1:2: executing \"expansion\" at <secret 1>: error calling secret: wrong type for value; "
						 "expected string");
	EXPECT_STR(expand(true, "{{.X}}"), "template: expansion:1:2: executing \"expansion\" at <.X>: can't evaluate field X in type *template.PayloadContext");
	EXPECT_STR(expand(true, "{{env}}"), "template: expansion:1:2: executing \"expansion\" at <env>: wrong number of args for env: want 1 got 0");
}

TEST(errors_say_nothing_of_a_secret)
{
	EXPECT_STR(expand(false, "{{hunter2}}"), "template: expansion:1: function \"***\" not defined");
	EXPECT_STR(expand(false, "{{$hunter2}}"), "template: expansion:1: undefined variable \"***\"");
	EXPECT_STR(expand(false, "{{#hunter2}}"), "template: expansion:1: unexpected \"***\" in operand");
	EXPECT_STR(expand(false, "\n{{.hunter2}}"), "template: expansion:2:2: executing \"expansion\" at <***>: can't evaluate field *** in type "
						    "*template.PayloadContext");
	EXPECT_STR(expand(false, "{{.Service.Labels.hunter2}}"), "template: expansion:1:10: executing \"expansion\" at <***>: map has no entry for key \"***\"");
	EXPECT_STR(expand(false, "{{secret \"hunter2\"}}"), "template: expansion:1:2: executing \"expansion\" at <***>: error calling secret: its target is "
							    "not there, or is no text");
	EXPECT_STR(expand(false, "{{printf \"%z\" \"hunter2\"}}"), "template: expansion:1:2: executing \"expansion\" at <***>: error calling printf: of its "
								   "verbs there are %s %v %q %d %x %t %f");
	/* nor of one that a config has looked up */
	EXPECT_STR(expand(true, "{{secret (secret \"pw\")}}"), "template: expansion:1:2: executing \"expansion\" at <***>: error calling secret: its target is "
							       "not there, or is no text");
}

TEST(payloads_are_bytes)
{
	static const char text[] = "a\0b{{.Task.Slot}}\0\xff";

	expand_bytes(true, text, sizeof text - 1);
	EXPECT(memcmp(expand_bytes(true, text, sizeof text - 1), "a\0b2\0\xff", 7) == 0);
	EXPECT_STR(expand_bytes(true, "{{.Task\0}}", 10), "template: expansion:1: unclosed action");
	EXPECT_STR(expand(true, ""), "");
}

TEST(large_payloads_take_what_they_may)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	while (text.len < CONFIG_BYTES_MAX - 40)
		buf_add_str(&text, text.len % 3 ? "x" : "{{.Node.Hostname}} of\n ");
	buf_add_str(&text, "{{.Nope}}");
	EXPECT(strstr(expand(true, buf_text(&text)), "at <.Nope>: can't evaluate field Nope in type *template.PayloadContext") != NULL);
	buf_clear(&text);
	while (text.len < CONFIG_BYTES_MAX)
		buf_add_str(&text, "{{((((((((1))))))))}}");
	EXPECT(strstr(expand(true, buf_text(&text)), "the template says too much") != NULL);
	buf_clear(&text);
	while (text.len < CONFIG_BYTES_MAX - 60)
		buf_add_str(&text, "{{len (printf \"%4096d%4096d%4096d%4096d\" 1 1 1 1)}}");
	EXPECT(strstr(expand(true, buf_text(&text)), "it needs too much memory") != NULL);
}
