// Posts each order as documented JSON to one address of the ERP, and reads the ERP's order id, its words and its refusals
// from the answer by paths that the administrator sets. The same plugin as plugins/json-post, in JavaScript: what it does
// is written in that README, and both pass the same cases byte for byte.

import { plugin, Rejection } from "@orderdock/plugin";
import { readAnswer } from "./answer.js";
import { askForOrder, readLookUp } from "./look-up.js";
import { createOrder } from "./request.js";
import { readSettings } from "./settings.js";
import settingsSchema from "./settings.schema.js";

export const mapper = plugin({
  describe: () => ({
    name: "json-post-js",
    version: "0.1.0",
    publisher: "Orderdock",
    erp: "any ERP or middleware that takes JSON by HTTP",
    help: "Posts each order as documented JSON below the destination's address.",
    settingsSchema,
    purposes: ["create", "look-up"],
    deliveries: ["http"],
  }),

  mapOrder(order, context) {
    const settings = readSettings(context.settings);
    switch (context.purpose) {
      case "create":
        return createOrder(order, context, settings);
      case "look-up":
        return askForOrder(order, context, settings);
      default:
        throw Rejection.settings("json-post can't change or cancel an order in the ERP: do it there by hand");
    }
  },

  parseResponse(order, context, response) {
    const settings = readSettings(context.settings);
    return context.purpose === "look-up" ? readLookUp(order, context, settings, response) : readAnswer(settings, response);
  },
});
