// Calls showcase-server with @grpc/grpc-js and @grpc/proto-loader, from the .proto files: proto-loader.js ADDRESS FOLDER.
const assert = require('assert');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, folder] = process.argv.slice(2);
const load = (file) => grpc.loadPackageDefinition(loader.loadSync(file, { includeDirs: [folder], keepCase: true }));
const { helloworld } = load('helloworld.proto');
const { routeguide } = load('route_guide.proto');
const greeter = new helloworld.Greeter(address, grpc.credentials.createInsecure());
const guide = new routeguide.RouteGuide(address, grpc.credentials.createInsecure());

const unary = (client, method, request) =>
  new Promise((resolve, reject) => client[method](request, (error, reply) => (error ? reject(error) : resolve(reply))));
const all = async (stream) => {
  const messages = [];
  for await (const message of stream) messages.push(message);
  return messages;
};

async function main() {
  assert.strictEqual((await unary(greeter, 'SayHello', { name: 'Ada' })).message, 'Hello Ada');
  const refused = await unary(greeter, 'SayHello', {}).catch((error) => error);
  assert.strictEqual(refused.code, grpc.status.INVALID_ARGUMENT);
  assert.strictEqual(refused.metadata.get('grpc-status-details-bin').length, 1);
  assert.strictEqual((await all(greeter.SayHelloStreamReply({ name: 'Ada' }))).length, 4);

  const chat = greeter.SayHelloBidiStream();
  const replies = all(chat);
  chat.write({ name: 'Ada' });
  chat.write({ name: 'Bob' });
  chat.end();
  assert.deepStrictEqual((await replies).map((reply) => reply.message), ['Hello Ada', 'Hello Bob']);

  const summary = await new Promise((resolve, reject) => {
    const route = guide.RecordRoute((error, reply) => (error ? reject(error) : resolve(reply)));
    route.write({ latitude: 1 });
    route.write({ latitude: 2 });
    route.end();
  });
  assert.strictEqual(summary.point_count, 2);
  console.log('calls of all four kinds, and the details of a status');
  greeter.close();
  guide.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
