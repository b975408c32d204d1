"""A line to a node that carries small talk, and forgets a large request, or the reply to it. So a command does not hear whether its
change was made."""

import selectors
import socket
import threading

LARGE = 16384  # octets from the client: more than handshake and reads


class ForgetfulLine:
    """Takes connections at `listen` and passes them on to `to`. `forgets` is None, "requests" or "replies";
    `forgot` is set when it has done so."""

    def __init__(self, listen, to):
        self.to, self.forgets, self.forgot = to, None, threading.Event()
        self.listener = socket.create_server(listen)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        try:
            with client, socket.create_connection(self.to) as node, selectors.DefaultSelector() as selector:
                selector.register(client, selectors.EVENT_READ, node)
                selector.register(node, selectors.EVENT_READ, client)
                said = 0
                while True:
                    for key, _ in selector.select():
                        octets = key.fileobj.recv(65536)
                        if not octets:
                            return
                        said += len(octets) if key.fileobj is client else 0
                        forgotten = self.forgets and said > LARGE and (key.fileobj is client) == (self.forgets == "requests")
                        if forgotten:
                            self.forgot.set()
                        else:
                            key.data.sendall(octets)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # ends accept, too
        self.listener.close()
