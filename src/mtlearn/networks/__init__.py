"""Torch modules: backbones, heads and the network that joins them."""

from mtlearn.networks._attention import CBAM, SqueezeExcite
from mtlearn.networks._autocast import autocast_error
from mtlearn.networks._build import build_network
from mtlearn.networks._cast import cast_module
from mtlearn.networks._cgc import CGC
from mtlearn.networks._columns import ColumnEncoder
from mtlearn.networks._decoder import Decoder, OutputConvolution
from mtlearn.networks._drawing import (
    Dropout,
    drawing_from,
    drawing_from_each,
    dropped,
    generator_for,
)
from mtlearn.networks._drop_block import DropBlock2d
from mtlearn.networks._each import BackboneOfEach
from mtlearn.networks._encoder import Encoder
from mtlearn.networks._features import Features, features_of, vector_of
from mtlearn.networks._filling import filling, is_filling
from mtlearn.networks._heads import HeadSpec, OutputLayer, make_head
from mtlearn.networks._inference import (
    Fingerprint,
    fingerprint,
    for_inference,
    shares_modules,
)
from mtlearn.networks._layers import layer_numbers
from mtlearn.networks._memory import check_memory
from mtlearn.networks._mlp import MLP
from mtlearn.networks._multitask import MultiTaskNetwork, needs_batch
from mtlearn.networks._own_heads import OwnHead, output_layer
from mtlearn.networks._piecewise import PiecewiseLinear
from mtlearn.networks._registry import (
    architecture,
    get_backbone,
    is_elsewhere,
    is_own_head,
    is_registered,
    named_backbone,
    resolved,
    structure,
    trained_spec,
)
from mtlearn.networks._resnet import ResNet
from mtlearn.networks._resnet_v2 import ResNetV2
from mtlearn.networks._tabm import TabM
from mtlearn.networks._timm import TimmBackbone
from mtlearn.networks._transformers import TransformersBackbone
from mtlearn.networks._weights import load_weights, save_weights

__all__ = [
    "BackboneOfEach",
    "CBAM",
    "CGC",
    "ColumnEncoder",
    "Decoder",
    "DropBlock2d",
    "Dropout",
    "Encoder",
    "Features",
    "Fingerprint",
    "HeadSpec",
    "OutputConvolution",
    "OutputLayer",
    "MLP",
    "MultiTaskNetwork",
    "OwnHead",
    "PiecewiseLinear",
    "ResNet",
    "ResNetV2",
    "SqueezeExcite",
    "TabM",
    "TimmBackbone",
    "TransformersBackbone",
    "architecture",
    "autocast_error",
    "build_network",
    "cast_module",
    "check_memory",
    "drawing_from",
    "drawing_from_each",
    "dropped",
    "features_of",
    "filling",
    "fingerprint",
    "for_inference",
    "generator_for",
    "get_backbone",
    "is_elsewhere",
    "is_filling",
    "is_own_head",
    "is_registered",
    "layer_numbers",
    "load_weights",
    "make_head",
    "named_backbone",
    "needs_batch",
    "output_layer",
    "resolved",
    "save_weights",
    "shares_modules",
    "structure",
    "trained_spec",
    "vector_of",
]
