"""How the layers of a network follow a quarter turn: maps learned on handwritten digits, judged on others.

Any torch model will do in place of this one: `Network(model)`, or what `representations.models.load` knows by name.
"""

import torch

import equivfast as ef
from equivfast.groups import rotation, warp
from equivfast.representations import models

network = models.load("embedded:digits")
digits = ef.data.labelled("embedded:digits", limit=400)
learn, test = (network.preprocess(part.take(range(len(part)))) for part in (digits.train, digits.test))
labels = torch.from_numpy(digits.test.labels)
g = rotation(90)
turned, _ = warp(test, g)


def right(logits: torch.Tensor) -> float:
    return float((logits.argmax(1) == labels).float().mean())


print(
    f"upright {right(network.output(test)):.2f} are read rightly, turned {right(network.output(turned)):.2f}"
)
repaired = {}
for name in ("features.1", "features.4", "features.7"):
    # M phi(g x) is close to phi(x): a map of the inverse transformation, put in behind the layer.
    phi = network.layer(name)
    M = ef.maps.fit(phi, g.inverse(), learn, support=1)
    explained = ef.maps.r_squared(M, ef.maps.collect(phi, g.inverse(), test, support=1)).mean()
    with torch.no_grad():
        repaired[name] = right(network.resume(name, M(phi(turned))))
    print(
        f"{name}: the map explains {explained:.2f} of the variance, and {repaired[name]:.2f} are read rightly"
    )
assert repaired["features.1"] > 0.9 > 0.5 > right(network.output(turned))
