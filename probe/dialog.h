/* What all dialogs with a server share: one socket, one time limit, one end.
 *
 * struct dialog is the first member of the dialog's own struct, which the `data` of its libuv
 * handles points to. The own struct lives until `ended` is called. */
#ifndef PROBE_DIALOG_H
#define PROBE_DIALOG_H

#include <stdbool.h>

#include <uv.h>

struct dialog {
    uv_timer_t timer;
    uv_handle_t *socket; /* NULL: none */
    unsigned handles;    /* not yet closed */
    bool over;
    bool looked_again; /* since the time limit was reached */
    void (*timed_out)(void *own);
    void (*ended)(void *own);
};

/* `timed_out` is called at the time limit. `ended` is called once, from the loop, when all handles
 * are closed; it tells the result and frees the own struct. */
void dialog_begin(struct dialog *dialog, uv_loop_t *loop, void (*timed_out)(void *own),
                  void (*ended)(void *own));
/* Hands over the socket's handle, already initialised. */
void dialog_own_socket(struct dialog *dialog, uv_handle_t *socket);
/* Starts the time limit anew. Before it ends, sockets are read once more: if the process was held
 * up, an answer may wait in the kernel. */
void dialog_set_limit(struct dialog *dialog, unsigned limit_ms);
/* Closes all handles. False, and nothing more, if the dialog was over already. */
bool dialog_end(struct dialog *dialog);

#endif
