"""Pressure on places: census measures with their doubts, published definitions, back-test."""
