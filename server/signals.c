#include "server/signals.h"

#include <sys/time.h>
#include <unistd.h>

#include "zone/base/log.h"
#include "zone/base/result.h"

static const int waited_for[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };

static void on_early_end(int)
{
    _exit(0);
}

void signals_set_early(void)
{
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    for (size_t i = 0; i < sizeof(waited_for) / sizeof(waited_for[0]); i++) {
        bool ends = waited_for[i] == SIGTERM || waited_for[i] == SIGINT;
        CHECK(signal(waited_for[i], ends ? on_early_end : SIG_IGN) != SIG_ERR);
    }
}

/* A thread may wait for a store that another program has locked, or read a large location file: an
 * end does not wait for it. Nothing is lost by that but the counts of a minute. */
static void on_late(int)
{
    static const char text[] = "ntspoold: ends without waiting for a store or a file\n";
    log_last(text); /* NOLINT(bugprone-signal-handler): poll(2) and write(2) */
    _exit(0);
}

void signals_block(sigset_t *out)
{
    CHECK(sigemptyset(out) == 0);
    for (size_t i = 0; i < sizeof(waited_for) / sizeof(waited_for[0]); i++) {
        CHECK(sigaddset(out, waited_for[i]) == 0);
    }
    CHECK(pthread_sigmask(SIG_BLOCK, out, NULL) == 0);
    for (size_t i = 0; i < sizeof(waited_for) / sizeof(waited_for[0]); i++) {
        CHECK(signal(waited_for[i], SIG_DFL) != SIG_ERR); /* an ignored signal is never delivered */
    }
    CHECK(signal(SIGALRM, on_late) != SIG_ERR);
}

void signals_end_within(suseconds_t us)
{
    const struct itimerval once = { .it_value = { .tv_usec = us } };
    (void)setitimer(ITIMER_REAL, &once, NULL);
}
