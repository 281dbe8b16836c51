// The settings as JSON Schema: those of plugins/json-post, which a test compares.

#ifndef SETTINGS_SCHEMA_H
#define SETTINGS_SCHEMA_H

#define SETTINGS_SCHEMA \
  "{" \
  "\"type\": \"object\"," \
  "\"additionalProperties\": false," \
  "\"properties\": {" \
  "\"method\": {" \
  "\"$ref\": \"#/$defs/Method\"," \
  "\"description\": \"Method of the request.\"," \
  "\"default\": \"POST\"" \
  "}," \
  "\"path\": {" \
  "\"$ref\": \"#/$defs/Template\"," \
  "\"description\": \"Path below the destination's base address, without a leading `/`. May hold a query, and the values\\n{order_number}, {shop_order_id}, {document_number}, {idempotency_key} and {account_code}.\"," \
  "\"default\": \"orders\"," \
  "\"pattern\": \"^[^/?]\"" \
  "}," \
  "\"headers\": {" \
  "\"type\": \"object\"," \
  "\"additionalProperties\": {" \
  "\"type\": \"string\"" \
  "}," \
  "\"description\": \"Headers to add, name = value. Credentials belong to the destination, not here.\"," \
  "\"default\": {}" \
  "}," \
  "\"idempotency_header\": {" \
  "\"type\": [" \
  "\"string\"," \
  "\"null\"" \
  "]," \
  "\"description\": \"Name of a header that carries the idempotency key, which is the same for every repeat. Example: `Idempotency-Key`.\"," \
  "\"default\": null" \
  "}," \
  "\"idempotency_seconds\": {" \
  "\"type\": [" \
  "\"integer\"," \
  "\"null\"" \
  "]," \
  "\"format\": \"uint32\"," \
  "\"minimum\": 1," \
  "\"description\": \"How many seconds the ERP drops repeats with the same key. Only then a send of unknown outcome is repeated\\nwithout a look-up.\"," \
  "\"default\": null" \
  "}," \
  "\"repeat_is_safe\": {" \
  "\"type\": \"boolean\"," \
  "\"description\": \"Whether the ERP takes the same order twice without harm (for example a PUT to the order's own address).\"," \
  "\"default\": false" \
  "}," \
  "\"amounts\": {" \
  "\"$ref\": \"#/$defs/Amounts\"," \
  "\"description\": \"How amounts and quantities are written.\"," \
  "\"default\": \"text\"" \
  "}," \
  "\"include_shop_order\": {" \
  "\"type\": \"boolean\"," \
  "\"description\": \"Whether the order as the shop served it goes along as `shop_order`.\"," \
  "\"default\": false" \
  "}," \
  "\"require_sku\": {" \
  "\"type\": \"boolean\"," \
  "\"description\": \"Whether an order with a product line without SKU is refused. Off: the ERP decides, the SKU is `null`.\"," \
  "\"default\": false" \
  "}," \
  "\"erp_order_id_path\": {" \
  "\"$ref\": \"#/$defs/DotPath\"," \
  "\"description\": \"Where the answer has the ERP's order id.\"," \
  "\"default\": \"object.order_id\"" \
  "}," \
  "\"erp_order_id_header\": {" \
  "\"type\": [" \
  "\"string\"," \
  "\"null\"" \
  "]," \
  "\"description\": \"Name of a header of the answer that has the ERP's order id when the body has none. Of an address the last part\\ncounts. Example: `location`.\"," \
  "\"default\": null" \
  "}," \
  "\"erp_order_number_path\": {" \
  "\"anyOf\": [" \
  "{" \
  "\"$ref\": \"#/$defs/DotPath\"" \
  "}," \
  "{" \
  "\"type\": \"null\"" \
  "}" \
  "]," \
  "\"description\": \"Where the answer has the number that people use in the ERP, if that is another.\"," \
  "\"default\": null" \
  "}," \
  "\"require_erp_order_id\": {" \
  "\"type\": \"boolean\"," \
  "\"description\": \"Whether a 2xx answer without an ERP order id is in doubt (unknown) instead of success.\"," \
  "\"default\": false" \
  "}," \
  "\"message_path\": {" \
  "\"$ref\": \"#/$defs/DotPath\"," \
  "\"description\": \"Where the answer has the ERP's own words.\"," \
  "\"default\": \"message\"" \
  "}," \
  "\"success_path\": {" \
  "\"anyOf\": [" \
  "{" \
  "\"$ref\": \"#/$defs/DotPath\"" \
  "}," \
  "{" \
  "\"type\": \"null\"" \
  "}" \
  "]," \
  "\"description\": \"For ERPs that answer 2xx with an error inside: where the answer tells whether it went well.\"," \
  "\"default\": null" \
  "}," \
  "\"success_values\": {" \
  "\"type\": \"array\"," \
  "\"items\": {" \
  "\"type\": \"string\"" \
  "}," \
  "\"description\": \"The values at `success_path` that mean success. Example: `ok`, `true`.\"," \
  "\"default\": []" \
  "}," \
  "\"gateway_statuses\": {" \
  "\"type\": \"array\"," \
  "\"items\": {" \
  "\"type\": \"integer\"," \
  "\"format\": \"uint16\"," \
  "\"minimum\": 0," \
  "\"maximum\": 65535" \
  "}," \
  "\"description\": \"Statuses that come from a gateway before the ERP. A message in such an answer is the gateway's, not the ERP's:\\nthe outcome stays unknown.\"," \
  "\"default\": [" \
  "502," \
  "504" \
  "]" \
  "}," \
  "\"duplicate_statuses\": {" \
  "\"type\": \"array\"," \
  "\"items\": {" \
  "\"type\": \"integer\"," \
  "\"format\": \"uint16\"," \
  "\"minimum\": 0," \
  "\"maximum\": 65535" \
  "}," \
  "\"description\": \"Statuses that mean: the ERP has this order already. Example: 409.\"," \
  "\"default\": []" \
  "}," \
  "\"duplicate_path\": {" \
  "\"anyOf\": [" \
  "{" \
  "\"$ref\": \"#/$defs/DotPath\"" \
  "}," \
  "{" \
  "\"type\": \"null\"" \
  "}" \
  "]," \
  "\"description\": \"Where the answer tells that the ERP has this order already. Together with `duplicate_statuses` both must hold.\"," \
  "\"default\": null" \
  "}," \
  "\"duplicate_values\": {" \
  "\"type\": \"array\"," \
  "\"items\": {" \
  "\"type\": \"string\"" \
  "}," \
  "\"description\": \"The values at `duplicate_path` that mean so. Example: `DUPLICATE_REFERENCE`.\"," \
  "\"default\": []" \
  "}," \
  "\"duplicate_order_id_path\": {" \
  "\"anyOf\": [" \
  "{" \
  "\"$ref\": \"#/$defs/DotPath\"" \
  "}," \
  "{" \
  "\"type\": \"null\"" \
  "}" \
  "]," \
  "\"description\": \"Where such an answer has the ERP's order id; default is `erp_order_id_path`.\"," \
  "\"default\": null" \
  "}," \
  "\"lookup_path\": {" \
  "\"anyOf\": [" \
  "{" \
  "\"$ref\": \"#/$defs/Template\"" \
  "}," \
  "{" \
  "\"type\": \"null\"" \
  "}" \
  "]," \
  "\"description\": \"Path and query of a GET that finds the order in the ERP. Without it an order whose outcome is unknown can't be\\nlooked up. Example: `orders?reference={order_number}`.\"," \
  "\"default\": null" \
  "}," \
  "\"lookup_list_path\": {" \
  "\"anyOf\": [" \
  "{" \
  "\"$ref\": \"#/$defs/DotPath\"" \
  "}," \
  "{" \
  "\"type\": \"null\"" \
  "}" \
  "]," \
  "\"description\": \"Where the look-up's answer has what was found: a list or an object. Default: the whole answer.\"," \
  "\"default\": null" \
  "}," \
  "\"lookup_order_id_path\": {" \
  "\"anyOf\": [" \
  "{" \
  "\"$ref\": \"#/$defs/DotPath\"" \
  "}," \
  "{" \
  "\"type\": \"null\"" \
  "}" \
  "]," \
  "\"description\": \"Where the look-up's answer has the ERP's order id; default is `erp_order_id_path`. Example: `orders[0].id`.\"," \
  "\"default\": null" \
  "}," \
  "\"lookup_reference_path\": {" \
  "\"anyOf\": [" \
  "{" \
  "\"$ref\": \"#/$defs/DotPath\"" \
  "}," \
  "{" \
  "\"type\": \"null\"" \
  "}" \
  "]," \
  "\"description\": \"Where the look-up's answer repeats the value that was searched for. When set, another value there leaves the\\noutcome unknown: for searches that also find similar numbers. Example: `orders[0].reference`.\"," \
  "\"default\": null" \
  "}" \
  "}," \
  "\"description\": \"The settings. Every one has a default that suits an ERP which answers `{\\\"object\\\": {\\\"order_id\\\": …}, \\\"message\\\": …}`.\"," \
  "\"dependentRequired\": {" \
  "\"success_path\": [" \
  "\"success_values\"" \
  "]," \
  "\"success_values\": [" \
  "\"success_path\"" \
  "]," \
  "\"duplicate_path\": [" \
  "\"duplicate_values\"" \
  "]," \
  "\"duplicate_values\": [" \
  "\"duplicate_path\"" \
  "]," \
  "\"idempotency_seconds\": [" \
  "\"idempotency_header\"" \
  "]," \
  "\"lookup_list_path\": [" \
  "\"lookup_path\"" \
  "]," \
  "\"lookup_order_id_path\": [" \
  "\"lookup_path\"" \
  "]," \
  "\"lookup_reference_path\": [" \
  "\"lookup_path\"" \
  "]" \
  "}," \
  "\"title\": \"Settings\"," \
  "\"$schema\": \"https://json-schema.org/draft/2020-12/schema\"," \
  "\"$defs\": {" \
  "\"Method\": {" \
  "\"oneOf\": [" \
  "{" \
  "\"type\": \"string\"," \
  "\"const\": \"POST\"," \
  "\"description\": \"`POST`.\"" \
  "}," \
  "{" \
  "\"type\": \"string\"," \
  "\"const\": \"PUT\"," \
  "\"description\": \"`PUT`.\"" \
  "}," \
  "{" \
  "\"type\": \"string\"," \
  "\"const\": \"PATCH\"," \
  "\"description\": \"`PATCH`.\"" \
  "}" \
  "]," \
  "\"description\": \"Method of the request.\"" \
  "}," \
  "\"Template\": {" \
  "\"type\": \"string\"," \
  "\"description\": \"A path below the destination's address, with an optional query, and values of the order in braces.\"" \
  "}," \
  "\"Amounts\": {" \
  "\"oneOf\": [" \
  "{" \
  "\"type\": \"string\"," \
  "\"const\": \"text\"," \
  "\"description\": \"As JSON text, `\\\"12.90\\\"`: exact in every reader.\"" \
  "}," \
  "{" \
  "\"type\": \"string\"," \
  "\"const\": \"number\"," \
  "\"description\": \"As JSON number, `12.90`: exact as written, but many readers make a float of it.\"" \
  "}" \
  "]," \
  "\"description\": \"How amounts and quantities are written.\"" \
  "}," \
  "\"DotPath\": {" \
  "\"type\": \"string\"," \
  "\"description\": \"A path to one value. Can stand in a plugin's settings: a path that does not read is a settings error.\"" \
  "}" \
  "}" \
  "}"

#endif
