"""Talks to showcase-server with nothing but what grpcio-reflection (v1alpha) tells: reflection.py ADDRESS."""

import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

channel = grpc.insecure_channel(sys.argv[1])
database = ProtoReflectionDescriptorDatabase(channel)
pool = DescriptorPool(database)


def message(name):
    return GetMessageClass(pool.FindMessageTypeByName(name))


def caller(service, method):
    found = pool.FindServiceByName(service).FindMethodByName(method)
    reply = GetMessageClass(found.output_type)
    kinds = (found.client_streaming, found.server_streaming)
    make = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[kinds]
    return make(
        f"/{service}/{method}",
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=reply.FromString,
    )


services = sorted(database.get_services())
assert services == [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "helloworld.Greeter",
    "routeguide.RouteGuide",
], services

Hello = message("helloworld.HelloRequest")
hello = caller("helloworld.Greeter", "SayHello")(Hello(name="Ada"))
assert hello.message == "Hello Ada", hello
many = list(caller("helloworld.Greeter", "SayHelloStreamReply")(Hello(name="Ada")))
assert len(many) == 4, many
each = caller("helloworld.Greeter", "SayHelloBidiStream")(iter([Hello(name="Ada"), Hello(name="Bob")]))
assert [reply.message for reply in each] == ["Hello Ada", "Hello Bob"]

Point = message("routeguide.Point")
route = caller("routeguide.RouteGuide", "RecordRoute")(iter([Point(latitude=1), Point(latitude=2)]))
assert route.point_count == 2, route

assert database.FindAllExtensionNumbers("helloworld.HelloRequest") == []
try:
    database.FindFileContainingSymbol("no.Such")
except KeyError:
    pass
else:
    raise AssertionError("no.Such was found")
print("services, symbols, extensions and calls of all four kinds")
