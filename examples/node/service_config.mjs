// Shows what deploy/service-config.json makes grpc-js do, against a server that fails as it is told.
//
//     npm install && node service_config.mjs
//
// Lookups are tried a second time where that helps, when the server says so; nothing else is; and where
// everything fails, the second tries stop. Exit code 1 if not.

import grpc from "@grpc/grpc-js";

import { serviceConfig } from "./lookup.mjs";

const STORM = 500;
const bytes = {
  requestStream: false,
  responseStream: false,
  requestSerialize: (value) => value,
  requestDeserialize: (value) => value,
  responseSerialize: (value) => value,
  responseDeserialize: (value) => value,
};
const service = (name, method) => ({ [method]: { ...bytes, path: `/kindred.v1.${name}/${method}` } });
const LOOKUP = service("RecommendationService", "GetRecommendations");
const STOCK = service("AvailabilityService", "BatchUpdateAvailability");

let attempts = 0;
function answer(call, done) {
  attempts += 1;
  const asked = (name) => call.metadata.get(name)[0];
  if (asked("grpc-previous-rpc-attempts") === undefined || asked("x-always") !== undefined) {
    const metadata = new grpc.Metadata();
    const pushback = asked("x-pushback");
    if (pushback !== undefined) {
      metadata.set("grpc-retry-pushback-ms", pushback);
    }
    done({ code: grpc.status[asked("x-code")], details: "as it was told", metadata });
  } else {
    done(null, Buffer.alloc(0));
  }
}

function call(client, methods, asked) {
  const [{ path }] = Object.values(methods);
  const metadata = new grpc.Metadata();
  Object.entries(asked).forEach(([name, value]) => metadata.set(name, value));
  const same = (value) => value;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, Buffer.alloc(0), metadata, (error) =>
      resolve(error ? grpc.status[error.code] : "OK"),
    );
  });
}

const server = new grpc.Server();
server.addService(LOOKUP, { GetRecommendations: answer });
server.addService(STOCK, { BatchUpdateAvailability: answer });
const port = await new Promise((resolve, reject) => {
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  );
});
const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
  "grpc.service_config": serviceConfig,
});
let wrong = 0;
async function check(methods, asked, code, expected, atLeastMs = 0) {
  const [before, begin] = [attempts, performance.now()];
  const found = await call(client, methods, asked);
  const [made, took] = [attempts - before, performance.now() - begin];
  const isRight = found === code && made === expected && took >= atLeastMs;
  wrong += isRight ? 0 : 1;
  const name = Object.keys(methods)[0];
  const line = `${name} ${JSON.stringify(asked)}: ${found} after ${made} attempts`;
  console.log(isRight ? `ok    ${line}` : `WRONG ${line} and ${took} ms, expected ${code} after ${expected}`);
}

await check(LOOKUP, { "x-code": "UNAVAILABLE" }, "OK", 2);
await check(LOOKUP, { "x-code": "RESOURCE_EXHAUSTED", "x-pushback": "60" }, "OK", 2, 55);
await check(LOOKUP, { "x-code": "RESOURCE_EXHAUSTED", "x-pushback": "-1" }, "RESOURCE_EXHAUSTED", 1);
for (const code of ["INVALID_ARGUMENT", "INTERNAL", "FAILED_PRECONDITION", "PERMISSION_DENIED"]) {
  await check(LOOKUP, { "x-code": code }, code, 1);
}
await check(STOCK, { "x-code": "UNAVAILABLE" }, "UNAVAILABLE", 1);

const before = attempts;
for (let i = 0; i < STORM; i += 1) {
  await call(client, LOOKUP, { "x-code": "UNAVAILABLE", "x-always": "1" });
}
const offered = (attempts - before) / STORM;
console.log(`${STORM} calls that always fail: ${offered.toFixed(2)} attempts a call`);
if (!(offered > 1 && offered <= 1.2)) {
  console.error(`expected at most 1.2 attempts a call`);
  wrong += 1;
}
client.close();
server.forceShutdown();
process.exitCode = wrong > 0 ? 1 : 0;
