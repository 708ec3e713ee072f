// Where the senders send to: a bound socket. Deno reads only on receive(), so its queue fills and the kernel drops the rest.
import { loopback, ready } from "./meter.mjs";

const socket = Deno.listenDatagram({ transport: "udp", hostname: loopback, port: 0 });
ready((socket.addr as Deno.NetAddr).port);
