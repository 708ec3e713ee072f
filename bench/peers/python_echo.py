"""Echo server: asyncio."""
import asyncio

from meter import LOOPBACK, ready


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        self.transport.sendto(data, source)


async def main():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=(LOOPBACK, 0))
    ready(transport.get_extra_info("sockname")[1])
    await asyncio.Event().wait()


asyncio.run(main())
