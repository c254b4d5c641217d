"""
Coming from IsolationForest or PyOD
===================================

The same methods as in scikit-learn; labels and signs differ from PyOD's.
"""

# %%
# From scikit-learn
# -----------------
#
# Swap the class. ``contamination``, ``score_samples``, ``decision_function``, ``predict``
# and ``offset_`` mean the same. With ``contamination="auto"`` the threshold is not a fixed
# score: a share ``alpha`` of normal rows is flagged.

from sklearn.datasets import load_digits
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from sklearn_aae import AAEOutlierDetector

X, y = load_digits(return_X_y=True)
ordinary, odd = X[y == 4], X[y == 9]
train, test = ordinary[:120], [*ordinary[120:], *odd]
is_odd = [0] * len(ordinary[120:]) + [1] * len(odd)

for detector in (
    IsolationForest(random_state=0),
    AAEOutlierDetector(random_state=0),
):
    scores = detector.fit(train).score_samples(test)
    auc = roc_auc_score(is_odd, [-score for score in scores])
    print(f"{type(detector).__name__:>18}: AUROC {auc:.3f}")

# %%
# From PyOD
# ---------
#
# .. list-table::
#    :header-rows: 1
#
#    * - PyOD
#      - here
#    * - ``decision_function(X)``: larger is more anomalous
#      - ``-score_samples(X)``
#    * - ``decision_scores_`` of the training rows
#      - ``-score_samples(X_train)``
#    * - ``threshold_``
#      - ``-offset_``
#    * - ``predict(X)``: 1 for outliers, 0 for inliers
#      - ``predict(X) == -1``
#    * - ``contamination=0.1`` in (0, 0.5)
#      - ``contamination=0.1`` or ``"auto"``, or 0 for clean training rows
#    * - ``predict_proba(X)``
#      - ``p_values(X)``: small for outliers, with a guarantee
#    * - one class for each kind of score
#      - ``score_samples(X, kind=...)``, from one fit
#
# Labels as PyOD gives them:

labels = (detector.predict(test) == -1).astype(int)
labels[:10], labels[-10:]

# %%
# Other kinds of score, without another fit:

for kind in ("default", "likelihood", "reconstruction", "reference"):
    auc = roc_auc_score(is_odd, -detector.score_samples(test, kind=kind))
    print(f"{kind:>14}: AUROC {auc:.3f}")
