"""The encoder alone, for programs of torch that do not have this package."""

import torch

from sklearn_aae import load

model = load("model.aae")  # of an array of numbers
encoder = model.net_.module_.encoder.cpu().eval()
rows = torch.zeros(2, model.n_features_in_)
shapes = ({0: torch.export.Dim.DYNAMIC},)
program = torch.export.export(encoder, (rows,), dynamic_shapes=shapes)
torch.export.save(program, "encoder.pt2")
