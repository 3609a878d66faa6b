"""From a request and a model to a result: latents, tiles, devices, the run."""
