FROM python:3.13-slim

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY bot.py ./
COPY cogs cogs
COPY kirin kirin

RUN useradd --create-home kirin && mkdir data && chown kirin data
USER kirin
VOLUME /app/data
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "bot.py"]
