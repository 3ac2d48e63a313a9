"""A gRPC server that gives back what it gets: one message, or many."""

import concurrent.futures
import sys

import grpc


class Echo(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method == "/echo.Echo/Say":
            return grpc.unary_unary_rpc_method_handler(lambda message, context: message)
        if call.method == "/echo.Echo/Chat":
            return grpc.stream_stream_rpc_method_handler(lambda messages, context: messages)
        return None


server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=4))
server.add_generic_rpc_handlers([Echo()])
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
