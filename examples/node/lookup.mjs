// Asks a server what belongs with products, with grpc-js and without generated code.
//
//     npm install && node lookup.mjs 127.0.0.1:50051 toy-car phone-nova-128
//
// Prints one line a product: its id, and what is recommended. KINDRED_TOKEN and KINDRED_TLS_CA (a file of
// roots in PEM) are used where the server asks for them.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const proto = grpc.loadPackageDefinition(
  loader.loadSync("kindred/v1/recommendation_service.proto", {
    includeDirs: [root("proto")],
    longs: String,
    enums: String,
  }),
).kindred.v1;

export const serviceConfig = readFileSync(root("deploy/service-config.json"), "utf8");

export function connect(address) {
  const ca = process.env.KINDRED_TLS_CA;
  const credentials = ca
    ? grpc.credentials.createSsl(readFileSync(ca))
    : grpc.credentials.createInsecure();
  return new proto.RecommendationService(address, credentials, {
    "grpc.service_config": serviceConfig,
  });
}

export function lookup(client, productId) {
  const metadata = new grpc.Metadata();
  if (process.env.KINDRED_TOKEN) {
    metadata.set("authorization", `Bearer ${process.env.KINDRED_TOKEN}`);
  }
  const request = {
    lookup: { relationTypes: ["RELATION_TYPE_CROSS_SELL", "RELATION_TYPE_ACCESSORY"] },
    seeds: [{ productId }],
  };
  return new Promise((resolve, reject) => {
    client.getRecommendations(request, metadata, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

async function main([address, ...products]) {
  if (!address || products.length === 0) {
    throw new Error("expected HOST:PORT and product ids");
  }
  const client = connect(address);
  for (const productId of products) {
    const answer = await lookup(client, productId);
    const found = answer.recommendations.map((one) => one.productId);
    console.log(`${productId}: ${found.join(" ") || "nothing"}`);
  }
  client.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  });
}
