// @homebridge/ciao: advertises a service. It makes its sockets itself, one an interface.
import { packages, say, wish } from "./program.ts";

const ciao = packages("@homebridge/ciao");

const responder = ciao.getResponder(wish.options);
const service = responder.createService(wish.service);
await service.advertise();
say("advertised");
