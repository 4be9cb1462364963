"""Evaluation of models by protocols: models, embeddings, measures, figures and results."""
