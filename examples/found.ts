/** What a discovery client tells of each thing that it finds. */
export interface Found {
  /** How it was found. */
  protocol: "mdns" | "ssdp" | "wsd" | "pva";
  /** What people call it. */
  name: string;
  /** What it is: the service type, the device type, "PV server". */
  kind: string;
  /** Where it is reached: "192.0.2.1:80" or "[fe80::1%eth0]:80". */
  address: string;
  /** The name of the interface that the answer came in on. */
  interface: string;
  /** It said goodbye, or was not heard of for as long as it had promised. */
  gone?: boolean;
  /** Whatever else it said of itself. */
  details?: Record<string, string>;
}
