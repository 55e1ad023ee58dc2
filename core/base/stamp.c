/* Moments as text; declared in units.h. Days are counted as in Hinnant's "chrono-compatible low-
 * level date algorithms": years begin in March, so that the leap day is the last of its year,
 * and 400 years are one era of 146097 days. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define NS_PER_SECOND 1000000000
#define SECONDS_PER_DAY 86400
#define DAYS_TO_1970 719468

struct moment { int year, month, day, hour, minute, second; };

static int64_t days_from_date(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - DAYS_TO_1970;
}

static void date_from_days(int64_t days, struct moment *ret)
{
	int64_t z = days + DAYS_TO_1970, era = (z >= 0 ? z : z - 146096) / 146097,
		day_of_era = z - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;         /* 0 is March */

	ret->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
	ret->month = (int)(month < 10 ? month + 3 : month - 9);
	ret->year = (int)(year_of_era + era * 400 + (ret->month <= 2));
}

static int print_moment(nsec wall, char *text, int *ret_fraction)
{
	int64_t seconds = wall / NS_PER_SECOND, fraction = wall % NS_PER_SECOND;

	if (fraction < 0) {
		fraction += NS_PER_SECOND;
		seconds--;
	}
	int64_t days = seconds / SECONDS_PER_DAY, rest = seconds % SECONDS_PER_DAY;
	if (rest < 0) {
		rest += SECONDS_PER_DAY;
		days--;
	}
	struct moment m;
	date_from_days(days, &m);
	*ret_fraction = (int)fraction;
	return snprintf(text, STAMP_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", m.year, m.month,
			m.day, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}

const char *stamp_format(nsec wall, char ret_text[STAMP_TEXT_SIZE])
{
	int fraction, digits = 9;

	if (wall == STAMP_ZERO)
		return strcpy(ret_text, "0001-01-01T00:00:00Z");
	char *at = ret_text + print_moment(wall, ret_text, &fraction);
	if (fraction) {
		for (; fraction % 10 == 0; fraction /= 10)
			digits--;
		at += sprintf(at, ".%0*d", digits, fraction);
	}
	strcpy(at, "Z");
	return ret_text;
}

const char *stamp_format_fixed(nsec wall, char ret_text[STAMP_TEXT_SIZE])
{
	int fraction;

	if (wall == STAMP_ZERO)
		return strcpy(ret_text, "0001-01-01T00:00:00.000000000Z");
	char *at = ret_text + print_moment(wall, ret_text, &fraction);
	sprintf(at, ".%09dZ", fraction);
	return ret_text;
}

/* Exactly count digits, and then the character that must follow (0: whatever). */
static int take_digits(const char **at, int count, char then, int *ret)
{
	int value = 0;

	for (int i = 0; i < count; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return -1;
		value = value * 10 + (**at - '0');
	}
	if (then && *(*at)++ != then)
		return -1;
	*ret = value;
	return 0;
}

static int take_moment(const char **at, struct moment *m)
{
	static const int month_days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (take_digits(at, 4, '-', &m->year) < 0 || take_digits(at, 2, '-', &m->month) < 0 ||
	    take_digits(at, 2, 'T', &m->day) < 0 || take_digits(at, 2, ':', &m->hour) < 0 ||
	    take_digits(at, 2, ':', &m->minute) < 0 || take_digits(at, 2, 0, &m->second) < 0)
		return -1;
	if (m->month < 1 || m->month > 12 || m->hour > 23 || m->minute > 59 || m->second > 59)
		return -1;
	bool leap = m->year % 4 == 0 && (m->year % 100 != 0 || m->year % 400 == 0);
	int days = month_days[m->month - 1] + (m->month == 2 && leap);
	return m->day < 1 || m->day > days ? -1 : 0;
}

static int take_fraction(const char **at, int *ret_ns)
{
	int ns = 0, digits = 0;

	if (**at == '.') {
		for ((*at)++; digits < 9 && **at >= '0' && **at <= '9'; (*at)++, digits++)
			ns = ns * 10 + (**at - '0');
		if (!digits)
			return -1;
		for (; digits < 9; digits++)
			ns *= 10;
	}
	*ret_ns = ns;
	return 0;
}

static int take_offset(const char **at, int *ret_seconds)
{
	char sign = *(*at)++;
	int hours, minutes;

	*ret_seconds = 0;
	if (sign == 'Z')
		return 0;
	if ((sign != '+' && sign != '-') || take_digits(at, 2, ':', &hours) < 0 ||
	    take_digits(at, 2, 0, &minutes) < 0 || hours > 23 || minutes > 59)
		return -1;
	*ret_seconds = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return 0;
}

int stamp_parse(const char *text, nsec *ret_wall)
{
	const char *at = text;
	struct moment m;
	int fraction, offset;

	if (!text || take_moment(&at, &m) < 0 || take_fraction(&at, &fraction) < 0 ||
	    take_offset(&at, &offset) < 0 || *at)
		return -1;
	int64_t seconds = days_from_date(m.year, m.month, m.day) * SECONDS_PER_DAY + m.hour * 3600 +
			  m.minute * 60 + m.second - offset;
	int64_t zero = days_from_date(1, 1, 1) * SECONDS_PER_DAY;
	if (seconds == zero && fraction == 0) {
		*ret_wall = STAMP_ZERO;
		return 0;
	}
	/* Outside of 1677 to 2262 a moment does not fit; INT64_MIN itself means Go's zero time. */
	__int128 wall = (__int128)seconds * NS_PER_SECOND + fraction;
	if (wall <= INT64_MIN || wall > INT64_MAX)
		return -1;
	*ret_wall = (nsec)wall;
	return 0;
}
