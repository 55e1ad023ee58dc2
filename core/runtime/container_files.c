/* container_files.c - small texts that every container is given. */
#include "runtime/container_files.h"

#include <string.h>

#include "base/ip.h"
#include "base/str.h"

const char *container_files_hostname(const struct container_spec *spec, struct arena *arena)
{
	return str_is_empty(spec->hostname) ? arena_strndup(arena, spec->id, 12) : spec->hostname;
}

void container_files_hosts(const struct container_spec *spec, struct buf *out)
{
	buf_add_str(out, "127.0.0.1\tlocalhost\n"
			 "::1\tlocalhost ip6-localhost ip6-loopback\n"
			 "fe00::\tip6-localnet\n"
			 "ff00::\tip6-mcastprefix\n"
			 "ff02::1\tip6-allnodes\n"
			 "ff02::2\tip6-allrouters\n");
	for (size_t i = 0; i < spec->hosts.count; i++)
		buf_printf(out, "%s\t%s\n", spec->hosts.items[i].key, spec->hosts.items[i].value);
}

static bool is_loopback_server(const char *line, size_t length)
{
	char word[64];
	struct ip ip;

	line += sizeof "nameserver" - 1;
	length -= sizeof "nameserver" - 1;
	size_t skip = strspn(line, " \t");

	if (skip >= length)
		return false;
	size_t word_length = MIN(strcspn(line + skip, " \t\n"), sizeof word - 1);

	memcpy(word, line + skip, word_length);
	word[word_length] = '\0';
	if (ip_parse(word, &ip) < 0)
		return false;
	static const uint8_t v6_loopback[16] = { [15] = 1 };

	return ip.family == 4 ? ip.bytes[0] == 127 : memcmp(ip.bytes, v6_loopback, sizeof v6_loopback) == 0;
}

static bool is_directive(const char *line, const char *name)
{
	size_t length = strlen(name);

	return strncmp(line, name, length) == 0 && (line[length] == ' ' || line[length] == '\t');
}

/* What the spec says takes the place of what the host says, member by member. */
static bool is_kept(const struct container_spec *spec, const char *line, size_t length)
{
	if (is_directive(line, "nameserver"))
		return !spec->dns_servers.count && (spec->network == CONTAINER_NET_HOST || !is_loopback_server(line, length));
	if (is_directive(line, "search") || is_directive(line, "domain"))
		return !spec->dns_search.count;
	return !spec->dns_options.count || !is_directive(line, "options");
}

static void add_host_lines(const struct container_spec *spec, const char *text, struct buf *out)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (is_kept(spec, text, length)) {
			buf_add(out, text, length);
			buf_add_char(out, '\n');
		}
		text += length;
		text += *text == '\n';
	}
}

static void add_words(const char *key, const struct container_strings *words, struct buf *out)
{
	if (!words->count)
		return;
	buf_add_str(out, key);
	for (size_t i = 0; i < words->count; i++)
		buf_printf(out, " %s", words->items[i]);
	buf_add_char(out, '\n');
}

void container_files_resolv(const struct container_spec *spec, const char *host_text, struct buf *out)
{
	if (spec->uses_host_dns)
		add_host_lines(spec, host_text, out);
	for (size_t i = 0; i < spec->dns_servers.count; i++)
		buf_printf(out, "nameserver %s\n", spec->dns_servers.items[i]);
	/* a single dot is Docker's word for "no search domains" */
	if (spec->dns_search.count != 1 || !str_eq(spec->dns_search.items[0], "."))
		add_words("search", &spec->dns_search, out);
	add_words("options", &spec->dns_options, out);
}

static bool has_variable(const struct container_strings *env, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->items[i], name, length) == 0 && env->items[i][length] == '=')
			return true;
	return false;
}

/* Docker's ReplaceOrAppend: a variable that is there changes where it stands. */
static size_t put_variable(char **env, size_t count, const char *variable, struct arena *arena)
{
	size_t name = strcspn(variable, "="), at = 0;

	while (at < count && (strncmp(env[at], variable, name) != 0 || (env[at][name] != '=' && env[at][name] != '\0')))
		at++;
	env[at] = arena_strdup(arena, variable);
	return MAX(count, at + 1);
}

char *const *container_files_env(const struct container_spec *spec, const struct container_strings *more, bool has_tty, const char *home,
				 struct arena *arena)
{
	char **env = ARENA_ARRAY(arena, char *, spec->env.count + (more ? more->count : 0) + 5);
	size_t count = 0;

	if (!has_variable(&spec->env, "PATH"))
		env[count++] = arena_strdup(arena, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (!has_variable(&spec->env, "HOSTNAME"))
		env[count++] = arena_printf(arena, "HOSTNAME=%s", container_files_hostname(spec, arena));
	if (has_tty && !has_variable(&spec->env, "TERM"))
		env[count++] = arena_strdup(arena, "TERM=xterm");
	for (size_t i = 0; i < spec->env.count; i++)
		env[count++] = arena_strdup(arena, spec->env.items[i]);
	for (size_t i = 0; more && i < more->count; i++)
		count = put_variable(env, count, more->items[i], arena);
	if (!has_variable(&spec->env, "HOME") && !(more && has_variable(more, "HOME")))
		env[count++] = arena_printf(arena, "HOME=%s", home);
	return env;
}
