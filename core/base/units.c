#include "base/units.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define NS_PER_SECOND ((uint64_t)1000000000)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number with a fraction, read up to the first character that does not belong to it: whole +
 * fraction / scale. Fraction digits that would not fit are dropped where Go drops them, about
 * the 19th. */
struct decimal {
	uint64_t whole, fraction, scale;
	size_t digits, fraction_digits;
};

static int parse_decimal(const char **at, struct decimal *ret)
{
	struct decimal d = { .scale = 1 };
	const char *s = *at;
	bool full = false;

	for (; is_digit(*s); s++, d.digits++)
		if (__builtin_mul_overflow(d.whole, 10, &d.whole) ||
		    __builtin_add_overflow(d.whole, (uint64_t)(*s - '0'), &d.whole))
			return -1;
	if (*s == '.') {
		for (s++; is_digit(*s); s++, d.digits++, d.fraction_digits++) {
			uint64_t next = d.fraction * 10 + (uint64_t)(*s - '0');
			full |= d.fraction > INT64_MAX / 10 || next > (uint64_t)INT64_MAX + 1 ||
				d.scale > UINT64_MAX / 10;
			if (!full) {
				d.fraction = next;
				d.scale *= 10;
			}
		}
	}
	if (!d.digits)
		return -1;
	*at = s;
	*ret = d;
	return 0;
}

/* whole * unit + fraction * unit / scale, rounded down; -1 above INT64_MAX. */
static int scale_decimal(const struct decimal *d, uint64_t unit, int64_t *ret)
{
	unsigned __int128 value = (unsigned __int128)d->whole * unit +
				  (unsigned __int128)d->fraction * unit / d->scale;

	if (value > INT64_MAX)
		return -1;
	*ret = (int64_t)value;
	return 0;
}

/* "", "b", or one of kmgtp with nothing, "b" or "ib" behind it; in any case. 0 is none of them. */
static uint64_t unit_of(const char *suffix, uint64_t base)
{
	static const char letters[] = "kmgtp";
	uint64_t unit = base;

	if (!*suffix || str_eq_nocase(suffix, "b"))
		return 1;
	const char *letter = strchr(letters, *suffix | 0x20);
	if (!letter || !*letter)
		return 0;
	if (suffix[1] && !str_eq_nocase(suffix + 1, "b") && !str_eq_nocase(suffix + 1, "ib"))
		return 0;
	for (; letter > letters; letter--)
		unit *= base;
	return unit;
}

static int parse_amount(const char *text, uint64_t base, int64_t *ret, struct err *err)
{
	const char *at = text;
	struct decimal size;

	if (parse_decimal(&at, &size) < 0)
		return err_set(err, ERR_INVALID, "invalid size: '%s'", text);
	if (*at == ' ')
		at++;
	uint64_t unit = unit_of(at, base);
	if (!unit)
		return err_set(err, ERR_INVALID, "invalid size: '%s': invalid suffix: '%s'", text,
			       at);
	if (scale_decimal(&size, unit, ret) < 0)
		return err_set(err, ERR_INVALID, "invalid size: '%s': too large", text);
	return 0;
}

int units_parse_bytes(const char *text, int64_t *ret, struct err *err)
{
	return parse_amount(text, 1024, ret, err);
}

int units_parse_size(const char *text, int64_t *ret, struct err *err)
{
	return parse_amount(text, 1000, ret, err);
}

int units_parse_cpus(const char *text, int64_t *ret_nano, struct err *err)
{
	const char *at = text;
	struct decimal cpus;

	if (parse_decimal(&at, &cpus) < 0 || *at)
		return err_set(err, ERR_INVALID, "failed to parse %s as a rational number", text);
	if (cpus.fraction_digits > 9)
		return err_set(err, ERR_INVALID, "cpus %s: value is too precise", text);
	if (scale_decimal(&cpus, NS_PER_SECOND, ret_nano) < 0)
		return err_set(err, ERR_INVALID, "cpus %s: too large", text);
	return 0;
}

struct duration_unit { const char *name; uint64_t ns; };
static const struct duration_unit duration_units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\u00b5s", 1000 },         /* micro sign */
	{ "\u03bcs", 1000 },         /* Greek letter mu */
	{ "ms", 1000000 },
	{ "s", NS_PER_SECOND },
	{ "m", 60 * NS_PER_SECOND },
	{ "h", 3600 * NS_PER_SECOND },
};

static uint64_t duration_unit(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_COUNT(duration_units); i++)
		if (strlen(duration_units[i].name) == length &&
		    memcmp(duration_units[i].name, name, length) == 0)
			return duration_units[i].ns;
	return 0;
}

/* One "1.5h". The fraction is taken through a double, as Go does, so that both round alike. */
static int add_duration_part(const struct decimal *d, uint64_t unit, uint64_t *total)
{
	uint64_t part, rest = (uint64_t)((double)d->fraction * ((double)unit / (double)d->scale));

	if (__builtin_mul_overflow(d->whole, unit, &part) ||
	    __builtin_add_overflow(part, rest, &part) ||
	    __builtin_add_overflow(*total, part, total))
		return -1;
	return *total > (uint64_t)INT64_MAX + 1 ? -1 : 0;
}

int units_parse_duration(const char *text, nsec *ret, struct err *err)
{
	const char *at = text;
	bool negative = *at == '-';
	uint64_t total = 0;

	if (*at == '-' || *at == '+')
		at++;
	if (str_eq(at, "0")) {
		*ret = 0;
		return 0;
	}
	if (!*at)
		return err_set(err, ERR_INVALID, "time: invalid duration \"%s\"", text);
	while (*at) {
		struct decimal number;
		if (parse_decimal(&at, &number) < 0)
			return err_set(err, ERR_INVALID, "time: invalid duration \"%s\"", text);
		size_t length = strcspn(at, ".0123456789");
		uint64_t unit = duration_unit(at, length);
		if (!length)
			return err_set(err, ERR_INVALID, "time: missing unit in duration \"%s\"",
				       text);
		if (!unit)
			return err_set(err, ERR_INVALID,
				       "time: unknown unit \"%.*s\" in duration \"%s\"",
				       (int)MIN(length, (size_t)100), at, text);
		if (add_duration_part(&number, unit, &total) < 0)
			return err_set(err, ERR_INVALID, "time: invalid duration \"%s\"", text);
		at += length;
	}
	if (!negative && total > INT64_MAX)
		return err_set(err, ERR_INVALID, "time: invalid duration \"%s\"", text);
	*ret = (nsec)(negative ? 0 - total : total);
	return 0;
}

/* value / 10^digits without trailing zeros: 1500000, 6 -> "1.5". */
static void format_fraction(uint64_t value, unsigned digits, struct buf *out)
{
	uint64_t scale = 1;

	for (unsigned i = 0; i < digits; i++)
		scale *= 10;
	buf_printf(out, "%llu", (unsigned long long)(value / scale));
	uint64_t rest = value % scale;
	if (!rest)
		return;
	for (; rest % 10 == 0; rest /= 10)
		digits--;
	buf_printf(out, ".%0*llu", (int)digits, (unsigned long long)rest);
}

void units_format_duration(nsec d, struct buf *out)
{
	uint64_t ns = d < 0 ? 0 - (uint64_t)d : (uint64_t)d;

	if (d < 0)
		buf_add_char(out, '-');
	if (ns == 0) {
		buf_add_str(out, "0s");
	} else if (ns < 1000) {
		buf_printf(out, "%lluns", (unsigned long long)ns);
	} else if (ns < 1000000) {
		format_fraction(ns, 3, out);
		buf_add_str(out, "\u00b5s");
	} else if (ns < NS_PER_SECOND) {
		format_fraction(ns, 6, out);
		buf_add_str(out, "ms");
	} else {
		uint64_t minutes = ns / (60 * NS_PER_SECOND);
		if (minutes >= 60)
			buf_printf(out, "%lluh", (unsigned long long)(minutes / 60));
		if (minutes)
			buf_printf(out, "%llum", (unsigned long long)(minutes % 60));
		format_fraction(ns % (60 * NS_PER_SECOND), 9, out);
		buf_add_char(out, 's');
	}
}

void units_format_human_duration(nsec d, struct buf *out)
{
	int64_t seconds = d / (int64_t)NS_PER_SECOND, minutes = seconds / 60;
	int64_t hours = d / (int64_t)(3600 * NS_PER_SECOND);
	int64_t hours_rounded =
		hours + (d % (int64_t)(3600 * NS_PER_SECOND) >= (int64_t)(1800 * NS_PER_SECOND));

	if (seconds < 1)
		buf_add_str(out, "Less than a second");
	else if (seconds == 1)
		buf_add_str(out, "1 second");
	else if (seconds < 60)
		buf_printf(out, "%d seconds", (int)seconds);
	else if (minutes == 1)
		buf_add_str(out, "About a minute");
	else if (minutes < 60)
		buf_printf(out, "%d minutes", (int)minutes);
	else if (hours_rounded == 1)
		buf_add_str(out, "About an hour");
	else if (hours_rounded < 48)
		buf_printf(out, "%d hours", (int)hours_rounded);
	else if (hours_rounded < 24 * 7 * 2)
		buf_printf(out, "%d days", (int)hours_rounded / 24);
	else if (hours_rounded < 24 * 30 * 2)
		buf_printf(out, "%d weeks", (int)hours_rounded / 24 / 7);
	else if (hours_rounded < 24 * 365 * 2)
		buf_printf(out, "%d months", (int)hours_rounded / 24 / 30);
	else
		buf_printf(out, "%d years", (int)hours / 24 / 365);
}

static void format_scaled(int64_t bytes, double base, int precision, const char *const units[7],
			  struct buf *out)
{
	double size = (double)bytes;
	unsigned unit = 0;

	for (; size >= base && unit < 6; unit++)
		size /= base;
	buf_printf(out, "%.*g%s", precision, size, units[unit]);
}

void units_format_bytes(int64_t bytes, struct buf *out)
{
	static const char *const units[7] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	format_scaled(bytes, 1024, 4, units, out);
}

static const char *const thousands[7] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };

void units_format_size(int64_t bytes, struct buf *out)
{
	format_scaled(bytes, 1000, 3, thousands, out);
}

void units_format_room(int64_t bytes, struct buf *out)
{
	format_scaled(bytes, 1000, 4, thousands, out);
}
