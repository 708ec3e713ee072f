import * as root from "pktinfo";
import * as cli from "pktinfo/cli";
import * as dgram from "pktinfo/dgram";
import * as doctor from "pktinfo/doctor";
import { observe } from "./observe.cjs";

observe({
  "pktinfo": root,
  "pktinfo/cli": cli,
  "pktinfo/dgram": dgram,
  "pktinfo/doctor": doctor,
});
