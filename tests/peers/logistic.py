"""Answers with the probabilities that scikit-learn's LogisticRegression gives for the same data."""
import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression

request = json.load(sys.stdin)
features = np.array(request["features"], dtype=np.float64)
model = LogisticRegression(C=request["c"], tol=1e-9, max_iter=10000)
model.fit(features, request["truth"], sample_weight=request["weights"] or None)
print(json.dumps(model.predict_proba(features).tolist()))
