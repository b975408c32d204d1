"""One NTS server per address, each with its own certificate: `certserver.py DIRECTORY NAME=ADDRESS...`.

A client sends its NTS-KE request only after it has accepted the certificate. The program then prints "NAME taken". If the client ends
the connection before its request, the program prints "NAME refused"."""

import asyncio
import os
import sys

import nts
from faultserver import Server, Ways


class CertificateServer(Server):
    def __init__(self, directory, name, address):
        super().__init__(directory, address, Ways(certificate=name, aeads=(nts.SIV_256,)), os.urandom(32))
        self.name = name

    async def _read_request(self, tls, reader, writer):
        request = await super()._read_request(tls, reader, writer)
        self.says("taken")
        writer.taken = True
        return request

    async def _talk(self, reader, writer):
        try:
            await super()._talk(reader, writer)
        finally:
            if not getattr(writer, "taken", False):
                self.says("refused")

    def says(self, what):
        print(f"{self.name} {what}", flush=True)


async def _main(directory, pairs):
    for name, address in pairs:
        await CertificateServer(directory, name, address).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], [pair.split("=") for pair in sys.argv[2:]]))
