"""Tiny networks of transformers, which nothing is downloaded for."""

import os

# Before transformers is imported.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

RESNET = {
    "model_type": "resnet",
    "depths": [1, 1],
    "hidden_sizes": [8, 16],
    "embedding_size": 8,
    "layer_type": "basic",
}
VIT = {
    "model_type": "vit",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "patch_size": 4,
}
CONFIGS = {
    "resnet": RESNET,
    "convnext": {
        "model_type": "convnext",
        "depths": [1, 1],
        "hidden_sizes": [4, 8],
        "num_stages": 2,
    },
    "swin": {
        "model_type": "swin",
        "embed_dim": 4,
        "depths": [1, 1],
        "num_heads": [1, 1],
        "window_size": 2,
        "patch_size": 2,
    },
    "vit": VIT,
    "dinov2": {
        "model_type": "dinov2",
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "patch_size": 4,
    },
}


def save_model(path):
    """Save a model with a classifier, as on the Hub, and return it without."""
    import transformers

    kwargs = {key: value for key, value in RESNET.items() if key != "model_type"}
    model = transformers.ResNetForImageClassification(
        transformers.ResNetConfig(**kwargs)
    )
    for buffer in model.buffers():
        buffer.add_(1)
    model.save_pretrained(path)
    return model.resnet
