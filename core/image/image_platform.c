#include "image/image_platform.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* An architecture's spellings. A variant that says nothing new (arm64's v8) is left out. */
static const struct { const char *word, *architecture, *variant; } words[] = {
	{ "amd64", "amd64", "" },   { "x86_64", "amd64", "" },  { "x86-64", "amd64", "" },  { "386", "386", "" },
	{ "i386", "386", "" },      { "arm64", "arm64", "" },   { "aarch64", "arm64", "" }, { "arm", "arm", "v7" },
	{ "armhf", "arm", "v7" },   { "armel", "arm", "v6" },   { "riscv64", "riscv64", "" }, { "ppc64le", "ppc64le", "" },
	{ "s390x", "s390x", "" },   { "loong64", "loong64", "" }, { "mips64le", "mips64le", "" },
};

struct image_platform image_platform_host(void)
{
#if defined(__x86_64__)
	return (struct image_platform){ "linux", "amd64", "" };
#elif defined(__aarch64__)
	return (struct image_platform){ "linux", "arm64", "" };
#elif defined(__arm__)
	return (struct image_platform){ "linux", "arm", "v7" };
#elif defined(__riscv) && __riscv_xlen == 64
	return (struct image_platform){ "linux", "riscv64", "" };
#else
#error "which architecture is this in Go's words?"
#endif
}

/* ---- choosing --------------------------------------------------------------------------------------------------------------- */

static struct image_platform older(const struct image_platform *p, int number)
{
	struct image_platform ret = *p;

	ret.variant[0] = '\0';
	if (number > 1 || str_eq(p->architecture, "arm"))
		memcpy(ret.variant, (char[]){ 'v', (char)('0' + number), '\0' }, 3);
	return ret;
}

/* The next best thing to run on a machine that is `p`; false: there is none. */
static bool step_down(struct image_platform *p)
{
	int number = p->variant[0] == 'v' && p->variant[1] >= '1' && p->variant[1] <= '9' ? p->variant[1] - '0' : 1;

	if (str_eq(p->architecture, "arm64")) {
		struct image_platform arm = { "", "arm", "v8" };

		if (number > 8) {
			p->variant[0] = '\0';        /* v9.x runs what v8 does */
			return true;
		}
		memcpy(arm.os, p->os, sizeof(arm.os));
		*p = arm;
		return true;
	}
	if (str_eq(p->architecture, "arm") && number > 5) {
		*p = older(p, number - 1);
		return true;
	}
	if (!str_eq(p->architecture, "amd64"))
		return false;
	if (number > 1)
		*p = older(p, number - 1);
	else
		str_copy(p->architecture, sizeof(p->architecture), "386");
	return true;
}

int image_platform_rank(const struct image_platform *wants, const struct image_platform *has)
{
	struct image_platform p = *wants;

	if (!has->os[0] || !has->architecture[0])
		return -1;
	for (int rank = 0;; rank++) {
		if (str_eq(p.os, has->os) && str_eq(p.architecture, has->architecture) && str_eq(p.variant, has->variant))
			return rank;
		if (!step_down(&p))
			return -1;
	}
}

const char *image_platform_format(const struct image_platform *p, char ret_text[IMAGE_PLATFORM_TEXT_SIZE])
{
	snprintf(ret_text, IMAGE_PLATFORM_TEXT_SIZE, "%s/%s%s%s", p->os, p->architecture, p->variant[0] ? "/" : "", p->variant);
	return ret_text;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

static bool take_architecture(const char *word, struct image_platform *ret)
{
	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (str_eq_nocase(words[i].word, word)) {
			str_copy(ret->architecture, sizeof(ret->architecture), words[i].architecture);
			str_copy(ret->variant, sizeof(ret->variant), words[i].variant);
			return true;
		}
	}
	return false;
}

static bool take_variant(const char *word, struct image_platform *ret)
{
	if (strspn(word, "v0123456789.abcdefghijklmnopqrstuwxyz") != strlen(word) || !*word)
		return false;
	if (str_eq(ret->architecture, "arm64") && (str_eq(word, "v8") || str_eq(word, "8")))
		return true;
	if (str_eq(ret->architecture, "arm") && word[0] >= '5' && word[0] <= '8' && !word[1]) {
		memcpy(ret->variant, (char[]){ 'v', word[0], '\0' }, 3);
		return true;
	}
	if (str_eq(ret->architecture, "amd64") && str_eq(word, "v1"))
		return true;
	return str_copy(ret->variant, sizeof(ret->variant), word);
}

/* An architecture that is in no table keeps its name, which then fits only itself. */
bool image_platform_read(const char *os, const char *architecture, const char *variant, struct image_platform *ret)
{
	*ret = (struct image_platform){ 0 };
	if (!str_copy(ret->os, sizeof(ret->os), os) ||
	    (!take_architecture(architecture, ret) && !str_copy(ret->architecture, sizeof(ret->architecture), architecture)) ||
	    (*variant && !take_variant(variant, ret))) {
		*ret = (struct image_platform){ 0 };
		return false;
	}
	return true;
}

int image_platform_parse(const char *text, struct image_platform *ret, struct err *err)
{
	struct strlist pieces = str_split(text ? text : "", '/');
	struct image_platform platform = image_platform_host();
	bool is_good = pieces.count <= 3;

	if (is_good && pieces.count == 1 && !str_is_empty(pieces.items[0]) && !str_eq_nocase(pieces.items[0], "linux"))
		is_good = take_architecture(pieces.items[0], &platform);
	if (is_good && pieces.count > 1)
		is_good = str_eq_nocase(pieces.items[0], "linux") && take_architecture(pieces.items[1], &platform);
	if (is_good && pieces.count > 2)
		is_good = take_variant(pieces.items[2], &platform);
	strlist_fini(&pieces);
	if (!is_good) {
		err_set(err, ERR_INVALID, "\"%.80s\": unknown operating system or architecture", text);
		str_make_line(err->text);
		return -1;
	}
	*ret = platform;
	return 0;
}
