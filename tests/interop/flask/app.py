"""A Flask application that knows nothing of telemetry: opentelemetry-instrument does all of it."""

import logging
import sys

from flask import Flask

app = Flask(__name__)
app.logger.setLevel(logging.INFO)


@app.get("/reviews/<int:number>")
def review(number):
    app.logger.warning("review %d was asked for", number)
    return {"review": number}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]))
