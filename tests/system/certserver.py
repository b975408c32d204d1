"""One NTS server an address, each with a certificate of its own: `certserver.py DIRECTORY NAME=ADDRESS...`. It says "NAME taken" at each
NTP request that is authentic, which a client makes only of a server whose certificate it takes."""

import asyncio
import os
import sys

import nts
from faultserver import Server, Ways


async def _main(directory, pairs):
    for name, address in pairs:
        def reply(answer, _request, name=name):
            print(f"{name} taken", flush=True)
            return answer

        await Server(directory, address, Ways(certificate=name, aeads=(nts.SIV_256,), reply=reply), os.urandom(32)).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], [pair.split("=") for pair in sys.argv[2:]]))
