/* notify.h - systemd's readiness protocol (sd_notify(3)); does nothing when NOTIFY_SOCKET is not set. */
#pragma once

void notify_state(const char *text);             /* "READY=1\nSTATUS=..." */
/* Does stderr lead to the journal (JOURNAL_STREAM, systemd.exec(5))? Then log lines may carry priorities. */
int notify_is_under_systemd(void);
