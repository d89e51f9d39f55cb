// A server with @grpc/reflection, for `farcall` to look at: reflection-server.js FOLDER; prints its port.
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { ReflectionService } = require('@grpc/reflection');

const folder = process.argv[2];
const files = ['helloworld.proto', 'route_guide.proto'].map((file) => path.join(folder, file));
const definitions = loader.loadSync(files, { includeDirs: [folder], keepCase: true });
const { helloworld, routeguide } = grpc.loadPackageDefinition(definitions);

const hello = (word, request) => ({ message: `${word} ${request.name}` });
const server = new grpc.Server();
server.addService(helloworld.Greeter.service, {
  SayHello(call, callback) {
    if (!call.request.name) return callback({ code: grpc.status.INVALID_ARGUMENT, details: 'nobody to say hello to' });
    const header = new grpc.Metadata();
    header.set('language', 'en');
    call.sendMetadata(header);
    callback(null, hello('Hello', call.request));
  },
  SayHelloStreamReply(call) {
    for (const word of ['Hello', 'Bonjour', 'Hallo', 'Ciao']) call.write(hello(word, call.request));
    call.end();
  },
  SayHelloBidiStream(call) {
    call.on('data', (request) => call.write(hello('Hello', request)));
    call.on('end', () => call.end());
  },
});
server.addService(routeguide.RouteGuide.service, {
  GetFeature: (call, callback) => callback(null, { name: '', location: call.request }),
  ListFeatures: (call) => call.end(),
  RecordRoute(call, callback) {
    let count = 0;
    call.on('data', () => (count += 1));
    call.on('end', () => callback(null, { point_count: count }));
  },
  RouteChat: (call) => call.end(),
});
new ReflectionService(definitions).addToServer(server);
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on port ${port};`);
});
