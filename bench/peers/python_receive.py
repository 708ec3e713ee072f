"""Receiver: asyncio. usage: python_receive.py WARM COUNT"""
import asyncio

from meter import LOOPBACK, Meter, argument, ready

meter = Meter(argument(0), argument(1))
total = 0


class Receiver(asyncio.DatagramProtocol):
    def datagram_received(self, data, source):
        global total
        total += len(data) + data[0] + source[1]
        meter.packet()


async def main():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Receiver, local_addr=(LOOPBACK, 0))
    ready(transport.get_extra_info("sockname")[1])
    await asyncio.Event().wait()


asyncio.run(main())
