"""A server with grpcio-reflection (v1alpha alone), for `farcall` to look at: reflection-server.py DESCRIPTOR_SET; prints its port."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection

pool = descriptor_pool.DescriptorPool()
for file in descriptor_pb2.FileDescriptorSet.FromString(open(sys.argv[1], "rb").read()).file:
    pool.Add(file)


def message(name):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


Reply = message("helloworld.HelloReply")
Summary = message("routeguide.RouteSummary")


def say_hello(request, context):
    if not request.name:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "nobody to say hello to")
    context.send_initial_metadata((("language", "en"),))
    return Reply(message=f"Hello {request.name}")


def say_hello_stream_reply(request, context):
    for word in ("Hello", "Bonjour", "Hallo", "Ciao"):
        yield Reply(message=f"{word} {request.name}")


def say_hello_bidi_stream(requests, context):
    for request in requests:
        yield Reply(message=f"Hello {request.name}")


def record_route(points, context):
    return Summary(point_count=sum(1 for _ in points))


def handlers(service, behaviours):
    descriptor = pool.FindServiceByName(service)
    made = {}
    for name, behaviour in behaviours.items():
        method = descriptor.FindMethodByName(name)
        kinds = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        request = message_factory.GetMessageClass(method.input_type)
        made[name] = kinds[method.client_streaming, method.server_streaming](
            behaviour, request_deserializer=request.FromString, response_serializer=lambda reply: reply.SerializeToString()
        )
    return grpc.method_handlers_generic_handler(service, made)


server = grpc.server(ThreadPoolExecutor(8))
greeter = {"SayHello": say_hello, "SayHelloStreamReply": say_hello_stream_reply, "SayHelloBidiStream": say_hello_bidi_stream}
server.add_generic_rpc_handlers((
    handlers("helloworld.Greeter", greeter),
    handlers("routeguide.RouteGuide", {"RecordRoute": record_route}),
))
names = ("helloworld.Greeter", "routeguide.RouteGuide", reflection.SERVICE_NAME)
reflection.enable_server_reflection(names, server, pool=pool)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"listening on port {port};", flush=True)
server.wait_for_termination()
