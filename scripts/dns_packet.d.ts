// Types for what the examples use of dns-packet, which ships none. A program of yours takes them from @types/dns-packet.

declare module "dns-packet" {
  type Buffer = import("node:buffer").Buffer;

  /** `mail`: a dot that belongs to a label is written "\.", in the first label only. */
  export interface NameOptions {
    mail?: boolean;
  }

  /** Encodes and decodes one kind of thing. How many bytes that took is in `bytes` of the function. */
  export interface Codec<T, O = never> {
    encode: { (value: T, into?: Buffer, offset?: number, options?: O): Buffer; bytes: number };
    decode: { (from: Buffer, offset: number, options?: O): T; bytes: number };
  }

  export interface DnsQuestion {
    name: string;
    type: string;
    class?: string;
  }

  export interface DnsAnswer {
    name: string;
    type: string;
    class?: string;
    ttl?: number;
    flush?: boolean;
    data?: unknown;
    /** Of an OPT record (RFC 6891). */
    udpPayloadSize?: number;
    flags?: number;
    options?: unknown[];
  }

  export interface DnsPacket {
    id?: number;
    type?: "query" | "response";
    flags?: number;
    flag_aa?: boolean;
    flag_rd?: boolean;
    flag_tc?: boolean;
    opcode?: string;
    rcode?: string;
    questions?: DnsQuestion[];
    answers?: DnsAnswer[];
    authorities?: DnsAnswer[];
    additionals?: DnsAnswer[];
  }

  const dnsPacket: {
    name: Codec<string, NameOptions>;
    /** The data of records of a type, with the two bytes of its length in front. */
    record(type: string): Codec<unknown>;
    readonly AUTHORITATIVE_ANSWER: number;
    readonly TRUNCATED_RESPONSE: number;
    readonly RECURSION_DESIRED: number;
    encode(packet: DnsPacket): Buffer;
    decode(from: Buffer): Required<DnsPacket>;
  };
  export default dnsPacket;
}
