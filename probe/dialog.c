#include "probe/dialog.h"

void dialog_begin(struct dialog *dialog, uv_loop_t *loop, void (*timed_out)(void *own),
                  void (*ended)(void *own))
{
    dialog->timed_out = timed_out;
    dialog->ended = ended;
    dialog->handles = 1;
    dialog->timer.data = dialog;
    uv_timer_init(loop, &dialog->timer);
}

void dialog_own_socket(struct dialog *dialog, uv_handle_t *socket)
{
    dialog->handles++;
    dialog->socket = socket;
    socket->data = dialog;
}

/* libuv runs timers before it reads sockets. So the first end of the limit only sets another one,
 * which ends after the sockets were read. */
static void limit_reached(uv_timer_t *timer)
{
    struct dialog *dialog = timer->data;
    if (!dialog->looked_again) {
        dialog->looked_again = true;
        uv_timer_start(timer, limit_reached, 1, 0);
    } else {
        dialog->timed_out(dialog);
    }
}

void dialog_set_limit(struct dialog *dialog, unsigned limit_ms)
{
    dialog->looked_again = false;
    uv_timer_start(&dialog->timer, limit_reached, limit_ms, 0);
}

static void handle_closed(uv_handle_t *handle)
{
    struct dialog *dialog = handle->data;
    if (--dialog->handles == 0) {
        dialog->ended(dialog);
    }
}

bool dialog_end(struct dialog *dialog)
{
    if (dialog->over) {
        return false;
    }
    dialog->over = true;
    if (dialog->socket != NULL) {
        uv_close(dialog->socket, handle_closed);
    }
    uv_close((uv_handle_t *)&dialog->timer, handle_closed);
    return true;
}
