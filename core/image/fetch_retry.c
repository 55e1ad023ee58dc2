#include "image/fetch_retry.h"

enum fetch_fault fetch_fault_of_status(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500 ? FETCH_BUSY : FETCH_REFUSED;
}

static bool is_worth_it(enum fetch_patience patience, enum fetch_fault fault)
{
	switch (fault) {
	case FETCH_UNREACHABLE:
		return patience == FETCH_TRANSFER;
	case FETCH_BROKEN:
	case FETCH_BUSY:
		return true;
	case FETCH_UNTRUSTED:
	case FETCH_REFUSED:
		return false;
	}
	return false;
}

bool fetch_retry_next(struct fetch_retry *retry, enum fetch_patience patience, enum fetch_fault fault, bool has_advanced, int64_t retry_after_s,
		      uint64_t dice, msec *ret_delay)
{
	msec base = retry->base_ms ? retry->base_ms : FETCH_DELAY_MS, most = base * (FETCH_DELAY_MAX_MS / FETCH_DELAY_MS), delay = base;

	retry->total++;
	retry->failures = has_advanced ? 1 : retry->failures + 1;
	if (!is_worth_it(patience, fault) || retry_after_s > FETCH_RETRY_AFTER_MAX_S || retry->total >= FETCH_TOTAL_TRIES ||
	    retry->failures >= (patience == FETCH_QUESTION ? FETCH_QUESTION_TRIES : FETCH_TRIES))
		return false;
	for (unsigned i = 1; i < retry->failures && delay < most; i++)
		delay *= 2;
	delay = MIN(delay, most);
	delay += (msec)(dice % (uint64_t)(delay / 2 + 1)) - delay / 4;
	*ret_delay = MAX(delay, (msec)retry_after_s * 1000);
	return true;
}
