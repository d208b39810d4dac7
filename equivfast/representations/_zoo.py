"""Models of torchvision and timm, with the preprocessing that their weights were trained with."""

from __future__ import annotations

import importlib
import math
from typing import Any

from torch import nn

from equivfast.representations.preprocess import Preprocess


def torchvision(name: str, pretrained: bool) -> tuple[nn.Module, Preprocess | None]:
    models = _library("torchvision.models", "torchvision")
    if name not in models.list_models():
        raise ValueError(
            f"load: model must be one of torchvision's, got 'torchvision:{name}'{_near(name, models)}"
        )
    weights = getattr(models.get_model_weights(name), "DEFAULT", None)
    model = models.get_model(name, weights=weights if pretrained else None)
    return model, None if weights is None else _of_transforms(weights.transforms())


def timm(name: str, pretrained: bool) -> tuple[nn.Module, Preprocess | None]:
    library = _library("timm", "timm")
    if not library.is_model(name.split(".")[0]):
        raise ValueError(f"load: model must be one of timm's, got 'timm:{name}'")
    model = library.create_model(name, pretrained=pretrained)
    config = _library("timm.data", "timm").resolve_data_config({}, model=model)
    size = int(min(config["input_size"][1:]))
    resize = math.floor(size / config["crop_pct"])
    return model, Preprocess(size, resize, tuple(config["mean"]), tuple(config["std"]))


def _of_transforms(transforms: Any) -> Preprocess | None:
    """Of the preset that classification weights carry; other presets (detection, video) have no such numbers."""
    names = ("crop_size", "resize_size", "mean", "std")
    crop, resize, mean, std = (getattr(transforms, name, ()) for name in names)
    if not (crop and resize and mean and std):
        return None
    return Preprocess(int(crop[0]), int(resize[0]), tuple(mean), tuple(std))


def _near(name: str, models: Any) -> str:
    from equivfast.representations._layer_id import near

    return near(name, models.list_models())


def _library(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"load: model must come from an installed library, {package} is not there ({error}): pip install {package}"
        ) from error
    except (RuntimeError, OSError, AttributeError) as error:  # built for another torch
        raise ValueError(
            f"load: model must come from a library that works, {package} does not: {error}"
        ) from error
