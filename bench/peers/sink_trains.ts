// A socket that is bound and never read, and would take trains whole: what is dropped there is not cut up first.
import { openUdpSocket } from "../../mod.ts";
import { loopback, ready } from "./meter.mjs";

ready(openUdpSocket({ address: loopback, segmentation: true }).port);
