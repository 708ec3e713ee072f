"""Sender: asyncio. `sendto` is no coroutine; one turn of the loop in between. usage: python_send.py WARM COUNT PORT"""
import asyncio

from meter import LOOPBACK, PAYLOAD, Meter, argument, ready

WINDOW = 64
meter = Meter(argument(0), argument(1))
to = (LOOPBACK, argument(2))


async def main():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(LOOPBACK, 0))
    ready(transport.get_extra_info("sockname")[1])
    while True:
        for _ in range(WINDOW):
            transport.sendto(PAYLOAD, to)
            meter.packet()
        await asyncio.sleep(0)


asyncio.run(main())
