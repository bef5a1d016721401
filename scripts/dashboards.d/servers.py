"""Mail servers that are there and do not do what they should."""

import socket
import socketserver
import threading


class Server:
    """On that port: `refuses` says 554 to every content, `hangs up` says nothing to it and closes."""

    def __init__(self, port, how):
        self.how = how
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", port), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handler(self):
        how = self.how

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def handle(self):
                self.say("220 there")
                for line in self.rfile:
                    verb = line.strip().upper()
                    if verb == b"DATA":
                        self.say("354 go on")
                        for content in self.rfile:
                            if content == b".\r\n":
                                break
                        if how == "hangs up":
                            self.request.shutdown(socket.SHUT_RDWR)
                            return
                        self.say("554 5.7.1 not this")
                    elif verb == b"QUIT":
                        return self.say("221 bye")
                    else:
                        self.say("250 ok")

        return Handler

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
