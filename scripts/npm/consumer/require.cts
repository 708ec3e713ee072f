// As types.mts, for a module that requires; compilers allow it with "nodenext" only.
import { openUdpSocket, type Packet } from "pktinfo";
import dgram = require("pktinfo/dgram");

export const packet: Promise<Packet> = openUdpSocket().receive();
export const socket: dgram.Socket = dgram.createSocket("udp4");
// @ts-expect-error -- there is no such family
dgram.createSocket("udp5");
