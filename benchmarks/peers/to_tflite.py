"""Writes an exported network as a TensorFlow Lite file: to_tflite.py network.onnx network.tflite

Only what torchvision's MobileNets, SSDLite and EfficientNets export is known. TFLite is NHWC, so that the detector's transposes to rows of
boxes vanish. Schema: the flatbuffer classes that the package ai-edge-litert brings.
"""
import sys

import flatbuffers
import numpy
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import numpy_helper

CODE, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID


class Converter:
    def __init__(self, graph):
        self.graph = graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.alias = {}  # names of values that are another value in NHWC
        self.index = {}  # tensor numbers by name
        self.shape = {}  # NHWC shapes by name
        self.model = schema.ModelT(version=3, operatorCodes=[], buffers=[schema.BufferT()], description="fovea peers")
        self.net = schema.SubGraphT(tensors=[], operators=[], inputs=[], outputs=[])
        self.model.subgraphs = [self.net]

    def tensor(self, name, shape, data=None):
        buffer = 0
        if data is not None:
            self.model.buffers.append(schema.BufferT(data=numpy.frombuffer(data.tobytes(), numpy.uint8)))
            buffer = len(self.model.buffers) - 1
        kind = schema.TensorType.INT32 if data is not None and data.dtype == numpy.int32 else schema.TensorType.FLOAT32
        self.net.tensors.append(schema.TensorT(shape=list(shape), type=kind, buffer=buffer, name=name))
        self.index[name], self.shape[name] = len(self.net.tensors) - 1, list(shape)
        return self.index[name]

    def constant(self, name, data):
        return self.tensor(name, data.shape, numpy.ascontiguousarray(data))

    def operator(self, code, inputs, name, shape, options_type=0, options=None):
        known = [c.builtinCode for c in self.model.operatorCodes]
        if code not in known:
            self.model.operatorCodes.append(schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127)))
            known.append(code)
        output = self.tensor(name, shape)
        self.net.operators.append(schema.OperatorT(opcodeIndex=known.index(code), inputs=inputs, outputs=[output],
                                                   builtinOptionsType=options_type, builtinOptions=options))

    def value(self, name):
        while name in self.alias:
            name = self.alias[name]
        return name

    def convert(self):
        image = self.graph.input[0]
        n, c, h, w = [d.dim_value for d in image.type.tensor_type.shape.dim]
        self.net.inputs = [self.tensor(image.name, [n, h, w, c])]
        for node in self.graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            getattr(self, node.op_type)(node, node.output[0], attributes)
        self.net.outputs = [self.index[self.value(o.name)] for o in self.graph.output]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def Constant(self, node, out, attributes):
        self.constants[out] = numpy_helper.to_array(attributes["value"])

    def Identity(self, node, out, attributes):
        if node.input[0] in self.constants:
            self.constants[out] = self.constants[node.input[0]]
        else:
            self.alias[out] = node.input[0]

    def Flatten(self, node, out, attributes):
        self.alias[out] = node.input[0]  # 1x1 maps only: FULLY_CONNECTED takes them as they are

    def Transpose(self, node, out, attributes):
        self.alias[out] = node.input[0]  # to anchors last: what NHWC is already

    def Conv(self, node, out, attributes):
        x = self.value(node.input[0])
        n, h, w, c = self.shape[x]
        weight, bias = self.constants[node.input[1]], self.constants[node.input[2]]
        kernel, stride, pad = attributes["kernel_shape"][0], attributes["strides"][0], attributes["pads"][0]
        side = lambda length: (length + 2 * pad - kernel) // stride + 1
        same = stride == 1 and 2 * pad == kernel - 1
        if pad and not same:  # SAME pads less on the upper left
            pads = numpy.array([[0, 0], [pad, pad], [pad, pad], [0, 0]], numpy.int32)
            self.operator(CODE.PAD, [self.index[x], self.constant(out + ".pads", pads)], out + ".padded",
                          [n, h + 2 * pad, w + 2 * pad, c], OPTIONS.PadOptions, schema.PadOptionsT())
            x = out + ".padded"
        settings = {"padding": SAME if same else VALID, "strideW": stride, "strideH": stride}
        depthwise = attributes["group"] > 1
        kernels = weight.transpose([1, 2, 3, 0] if depthwise else [0, 2, 3, 1]).astype(numpy.float32)
        inputs = [self.index[x], self.constant(out + ".weight", kernels), self.constant(out + ".bias", bias)]
        shape = [n, side(h), side(w), weight.shape[0]]
        if depthwise:
            self.operator(CODE.DEPTHWISE_CONV_2D, inputs, out, shape, OPTIONS.DepthwiseConv2DOptions,
                          schema.DepthwiseConv2DOptionsT(depthMultiplier=1, **settings))
        else:
            self.operator(CODE.CONV_2D, inputs, out, shape, OPTIONS.Conv2DOptions, schema.Conv2DOptionsT(**settings))

    def elementwise(self, code, node, out, options_type=0, options=None):
        x = self.value(node.input[0])
        self.operator(code, [self.index[x]], out, self.shape[x], options_type, options)

    def Clip(self, node, out, attributes):
        assert [float(self.constants[i]) for i in node.input[1:]] == [0.0, 6.0]
        self.elementwise(CODE.RELU6, node, out)

    def Relu(self, node, out, attributes):
        self.elementwise(CODE.RELU, node, out)

    def Sigmoid(self, node, out, attributes):
        self.elementwise(CODE.LOGISTIC, node, out)

    def HardSwish(self, node, out, attributes):
        self.elementwise(CODE.HARD_SWISH, node, out, OPTIONS.HardSwishOptions, schema.HardSwishOptionsT())

    def HardSigmoid(self, node, out, attributes):
        x = self.value(node.input[0])
        three = self.constant(out + ".three", numpy.float32([3]))
        sixth = self.constant(out + ".sixth", numpy.float32([1 / 6]))
        self.operator(CODE.ADD, [self.index[x], three], out + ".sum", self.shape[x], OPTIONS.AddOptions,
                      schema.AddOptionsT(fusedActivationFunction=schema.ActivationFunctionType.RELU6))
        self.operator(CODE.MUL, [self.index[out + ".sum"], sixth], out, self.shape[x], OPTIONS.MulOptions,
                      schema.MulOptionsT())

    def binary(self, code, node, out, options_type, options):
        x, y = (self.value(name) for name in node.input)
        shape = list(numpy.broadcast_shapes(self.shape[x], self.shape[y]))
        self.operator(code, [self.index[x], self.index[y]], out, shape, options_type, options)

    def Add(self, node, out, attributes):
        self.binary(CODE.ADD, node, out, OPTIONS.AddOptions, schema.AddOptionsT())

    def Mul(self, node, out, attributes):
        self.binary(CODE.MUL, node, out, OPTIONS.MulOptions, schema.MulOptionsT())

    def GlobalAveragePool(self, node, out, attributes):
        x = self.value(node.input[0])
        n, _, _, c = self.shape[x]
        axes = self.constant(out + ".axes", numpy.int32([1, 2]))
        self.operator(CODE.MEAN, [self.index[x], axes], out, [n, 1, 1, c], OPTIONS.ReducerOptions,
                      schema.ReducerOptionsT(keepDims=True))

    def Gemm(self, node, out, attributes):
        x = self.value(node.input[0])
        weight, bias = self.constants[node.input[1]], self.constants[node.input[2]]
        inputs = [self.index[x], self.constant(out + ".weight", weight), self.constant(out + ".bias", bias)]
        self.operator(CODE.FULLY_CONNECTED, inputs, out, [1, weight.shape[0]], OPTIONS.FullyConnectedOptions,
                      schema.FullyConnectedOptionsT())

    def Reshape(self, node, out, attributes):
        x = self.value(node.input[0])
        shape = [int(d) for d in self.constants[node.input[1]]]
        if len(shape) != 3:  # to [n, anchors, row, h, w], before a transpose
            self.alias[out] = node.input[0]
            return
        size = int(numpy.prod(self.shape[x]))
        shape = [size // abs(int(numpy.prod(shape))) if d == -1 else d for d in shape]
        target = self.constant(out + ".shape", numpy.int32(shape))
        self.operator(CODE.RESHAPE, [self.index[x], target], out, shape, OPTIONS.ReshapeOptions,
                      schema.ReshapeOptionsT(newShape=shape))

    def Concat(self, node, out, attributes):
        names = [self.value(name) for name in node.input]
        rows = sum(self.shape[name][1] for name in names)
        self.operator(CODE.CONCATENATION, [self.index[name] for name in names], out, [1, rows, self.shape[names[0]][2]],
                      OPTIONS.ConcatenationOptions, schema.ConcatenationOptionsT(axis=1))


if __name__ == "__main__":
    source, target = sys.argv[1:]
    data = Converter(onnx.load(source).graph).convert()
    with open(target, "wb") as file:
        file.write(data)
