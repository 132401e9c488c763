"""The pipelines, one package each; ``pipeline_registry`` finds them all."""
