/** What a discovery client has found: one line of a table of everything on the link. */
export interface Found {
  /** The protocol it was found by. */
  protocol: "mdns" | "ssdp" | "wsd" | "pva";
  /** What people call it. */
  name: string;
  /** The service type, the device type, or "PV server". */
  kind: string;
  /** Where it is: `"192.0.2.1:80"` or `"[fe80::1%eth0]:80"`. */
  address: string;
  /** The name of the interface the answer came in on. */
  interface: string;
  /** It said goodbye, or its time to live ran out. */
  gone?: boolean;
  /** What else is known. */
  details?: Record<string, string>;
}
