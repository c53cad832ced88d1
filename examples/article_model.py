"""The model of many tutorials (Embedding -> SimpleRNN -> Dense) as an estimator.

    python examples/article_model.py

The data are Chinese reviews, positive or negative. Validation data is scored after each epoch. The first
classifier turns off everything that the defaults add to the tutorials' model. From 1,000 reviews, it learns almost
nothing, and its predictions for new reviews are close to random. The second classifier uses the defaults.
"""

from sklearn.model_selection import train_test_split

from skrnn import RNNTextClassifier, SequenceVectorizer
from skrnn.datasets import load_chinese_reviews


def main():
    reviews = load_chinese_reviews()
    X_rest, X_test, y_rest, y_test = train_test_split(
        reviews.data, reviews.target, train_size=1250, test_size=1000, stratify=reviews.target, random_state=0
    )
    X_train, X_val, y_train, y_val = train_test_split(
        X_rest, y_rest, test_size=0.2, stratify=y_rest, random_state=0
    )

    article_model = RNNTextClassifier(
        SequenceVectorizer(max_features=5000, max_length=100),
        cell="simple",
        units=128,
        bidirectional=False,
        pooling="last",
        embedding_dim=16,
        max_ngrams=0,
        linear_model=False,
        min_count=1,
        char_ngram_range=None,
        skip_connection=False,
        dropout=0,
        embedding_dropout=0,
        token_dropout=0,
        label_smoothing=0,
        learning_rate=0.001,
        learning_rate_decay=None,
        clipnorm=None,
        epochs=10,
        batch_size=64,
        early_stopping=False,
        random_state=0,
        verbose=True,
    )
    article_model.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    article_model.model_.summary()
    print("validation accuracy by epoch:", [round(value, 3) for value in article_model.history_["val_accuracy"]])
    print(f"test accuracy of the article's model: {article_model.score(X_test, y_test):.3f}")

    default = RNNTextClassifier(epochs=4, random_state=0).fit(X_train, y_train, X_val=X_val, y_val=y_val)
    print(f"test accuracy of the defaults: {default.score(X_test, y_test):.3f}, in {default.n_iter_} epochs")


if __name__ == "__main__":
    main()
